#include <stdlib.h>
static inline double knob(const char *n, double d){const char *e=getenv(n);return e?atof(e):d;}
#define KNOB(n,d) ({static double v_; static int s_; if(!s_){v_=knob(n,d);s_=1;} v_;})
