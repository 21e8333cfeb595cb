/* bench/peak.h - what this machine's fused multiply-add units can do: the yardstick of every product. */
#ifndef DWELL_BENCH_PEAK_H
#define DWELL_BENCH_PEAK_H

/* GFLOP/s of one thread on independent FMA chains in registers, by the widest vectors of this CPU. */
double peak_f32(void);
double peak_f64(void);

/* Processor seconds of the calling thread: unlike the wall clock, hardly disturbed by other programs. */
double peak_thread_seconds(void);

#endif
