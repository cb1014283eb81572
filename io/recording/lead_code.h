/* io/recording/lead_code.h — the lead numbers of SCP-ECG (EN 1064), which DICOM and MDC use as well. */
#ifndef IO_RECORDING_LEAD_CODE_H
#define IO_RECORDING_LEAD_CODE_H

/* "I", "V1", "aVR", "V3R", …; "unspecified" for others. */
const char *lead_code_text(long code);

#endif
