/* dwell/dwell.h - everything. A first program: examples/. */
#ifndef DWELL_H
#define DWELL_H
#include <dwell/cloud.h>
#include <dwell/context.h>
#include <dwell/flow.h>
#include <dwell/measure.h>
#include <dwell/model.h>
#include <dwell/report.h>
#include <dwell/run.h>
#include <dwell/status.h>
#include <dwell/trajectory.h>
#endif
