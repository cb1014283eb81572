/* io/recording/unit.h — units of voltage as files write them. */
#ifndef IO_RECORDING_UNIT_H
#define IO_RECORDING_UNIT_H

/* How many of the unit make 1 mV ("": mV); 0: not a voltage. "MV" is a careless mV: no ECG is in megavolts. */
double unit_per_mv(const char *unit);

#endif
