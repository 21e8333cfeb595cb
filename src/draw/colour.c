/* draw/colour.c - colours. */
#include "draw/colour.h"

#include <math.h>

/* Blue, vermilion, green, purple, amber, sky, grey: pairwise at least 0.06 apart in OKLab (three just noticeable steps)
 * for protan, deutan and tritan vision too, each with at least 3:1 contrast to its page (simulated in tests/draw). */
static const uint32_t categories[2][COLOUR_CATEGORIES] = {
    {0x116EC0, 0xD9570F, 0x147052, 0x8A2F86, 0x7A5A00, 0x2F93CE, 0x757C89},
    {0x4DA6F4, 0xFA894D, 0x28CFA8, 0xD681CB, 0xEDC14C, 0x9AD2F7, 0x8B929D},
};

static double encode(double linear) {
  double v = linear <= 0 ? 0 : linear >= 1 ? 1 : linear;
  return v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
}

static double decode(double v) { return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4); }

/* OKLab with polar chroma and hue to sRGB; out-of-gamut channels are clipped. */
static uint32_t from_oklch(double lightness, double chroma, double hue) {
  double a = chroma * cos(hue), b = chroma * sin(hue);
  double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  double channels[3] = {4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
                        -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
                        -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s};
  uint32_t rgb = 0;
  for (int i = 0; i < 3; i++) rgb = rgb << 8 | (uint32_t)lround(255 * encode(channels[i]));
  return rgb;
}

uint32_t colour_ramp(double t, bool dark) {
  static const double degree = 0.017453292519943295;
  t = t >= 0 ? fmin(t, 1) : 0; /* NaN: 0 */
  double lightness = dark ? 0.27 + 0.64 * t : 0.965 - 0.655 * t;
  double hue = dark ? 285 - 180 * t : 105 + 180 * t;
  double chroma = dark ? 0.05 + 0.10 * t : 0.045 + 0.105 * t * (1.3 - 0.3 * t);
  return from_oklch(lightness, chroma, hue * degree);
}

uint32_t colour_wheel(double turn, double lightness) { return from_oklch(lightness, 0.125, 6.283185307179586 * turn); }

int colour_level(double t) {
  if (!(t > 0)) return 0;
  int level = (int)(fmin(t, 1) * COLOUR_LEVELS);
  return level < COLOUR_LEVELS ? level : COLOUR_LEVELS - 1;
}

double colour_luminance(uint32_t rgb) {
  return 0.2126 * decode((rgb >> 16 & 255) / 255.0) + 0.7152 * decode((rgb >> 8 & 255) / 255.0) +
         0.0722 * decode((rgb & 255) / 255.0);
}

static void properties(strbuf *out, bool dark) {
  for (int i = 0; i < COLOUR_CATEGORIES; i++) strbuf_printf(out, "--c%d:#%06x;", i, (unsigned)categories[dark][i]);
  for (int i = 0; i < COLOUR_LEVELS; i++) {
    strbuf_printf(out, "--m%d:#%06x;", i, (unsigned)colour_ramp((i + 0.5) / COLOUR_LEVELS, dark));
  }
}

void colour_style(strbuf *out) {
  strbuf_puts(out, ":root{");
  properties(out, false);
  strbuf_puts(out, "}\n@media (prefers-color-scheme:dark){:root{");
  properties(out, true);
  /* Printed pages are white whatever the screen's scheme is. */
  strbuf_puts(out, "}}\n@media print{:root{");
  properties(out, false);
  strbuf_puts(out, "}}\n");
  for (int i = 0; i < COLOUR_CATEGORIES; i++) {
    strbuf_printf(out, ".fc%d{fill:var(--c%d)}.sc%d{stroke:var(--c%d)}", i, i, i, i);
  }
  for (int i = 0; i < COLOUR_LEVELS; i++) {
    strbuf_printf(out, ".fm%d{fill:var(--m%d)}.sm%d{stroke:var(--m%d)}", i, i, i, i);
  }
  strbuf_putc(out, '\n');
}
