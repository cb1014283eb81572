/* model/real.h — the number type of the model: float; the library is also built with double for gradient checks. */
#ifndef MODEL_REAL_H
#define MODEL_REAL_H

#ifdef ANYECG_DOUBLE
typedef double real;
#define REAL(x) x
#else
typedef float real;
#define REAL(x) x##f
#endif

#endif
