/* report/sheet.h - the curves of one panel with their bands, as they are drawn: on a page, or in a terminal. */
#ifndef DWELL_REPORT_SHEET_H
#define DWELL_REPORT_SHEET_H

#include "report/panels.h"
#include "report/view.h"

enum { MOST_FAMILY = 12 };
enum { FINAL_VALUE, FINAL_LOW, FINAL_HIGH, FINAL_P, FINAL_PARTS };

typedef struct sheet {
  const view *v;
  const view_grid *g;
  const panel *def;
  curve curves[MOST_CURVES + MOST_FAMILY];
  char names[MOST_FAMILY][48], labels[MOST_FAMILY][48], colours[MOST_FAMILY][8];
  char own[48];  /* the label of the calibrated beta */
  char twin[48]; /* the label of the null's band */
  size_t count;
  double *values;          /* [count][replicas * steps] */
  double *band;            /* [count][3 * steps]: low, high, and the null's mean */
  double *work;            /* [2][replicas * steps] */
  double *sample;          /* [replicas] */
  double *final;           /* [count][FINAL_PARTS]: value, low, high, p of the final norm; NaN: none */
  double low, high, least; /* range of everything drawn; smallest positive value */
  bool positive;
} sheet;

/* Fills sheet.v, g and def's curves that have a value; close it also after an error. DWELL_NO_MEMORY. */
dwell_status sheet_open(const view *v, const panel *def, sheet *ret_sheet, dwell_error *err);
void sheet_close(sheet *s);
/* Is there anything to draw? (On the sphere every norm is 1: a panel of it would be noise.) */
bool sheet_is_worth(const sheet *s);

double *sheet_values(const sheet *s, size_t c); /* [replicas, steps] */
double *sheet_band(const sheet *s, size_t c);   /* [3, steps]: low, high, middle; NaN: none */
/* Median over replicas at one step; NaN without any value. */
double sheet_median(const sheet *s, const double *values, size_t step);
/* The panel's axis of values. */
scale sheet_scale(const sheet *s);
/* "ip_mean" and "_p" into `name`. */
const char *sheet_column(const char *column, const char *suffix, char name[80]);

#endif
