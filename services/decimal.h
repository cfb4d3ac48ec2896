/*
 * Decimal numbers as text: checked, every digit kept, one way of writing each value.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_DECIMAL_H
#define SERVICES_DECIMAL_H

#define DECIMAL_WHOLE 35    /* digits before the point that every database can hold … */
#define DECIMAL_FRACTION 30 /* … and behind it: DECIMAL(65,30) is what MySQL has */
#define DECIMAL_SIZE (DECIMAL_WHOLE + DECIMAL_FRACTION + 3)

/*
 * Writes `text` plainly: no exponent ("8.68e-06" is "0.00000868"), no '+', no "-0", no leading zeros, no zeros at the end of the
 * fraction.  Returns NULL, or what is wrong with it.
 */
const char *decimal_plain(char out[DECIMAL_SIZE], const char *text);

#endif
