/* Angles in float64; read by table.py. */

/* pb_sin_part_f64: sin(r + low) for |r| <= pi / 4 and a low part of r.
   r + r**3 q(r**2), with q minimax of degree 6 for the error relative to sin(r), which is
   2**-57.1. */
PB_INLINE double pb_sin_part_f64(double r, double low) {
    double square = r * r;
    double q = -7.578403753638731e-13;
    q = pb_fma_f64(q, square, 1.605836044974003e-10);
    q = pb_fma_f64(q, square, -2.5052104860853592e-08);
    q = pb_fma_f64(q, square, 2.7557319213985466e-06);
    q = pb_fma_f64(q, square, -0.0001984126984125465);
    q = pb_fma_f64(q, square, 0.008333333333333323);
    q = pb_fma_f64(q, square, -0.16666666666666666);
    return r + pb_fma_f64(q * square, r, low);
}

/* pb_cos_part_f64: cos(r + low) for |r| <= pi / 4 and a low part of r.
   1 - r**2 / 2 + r**4 q(r**2) - r low, with q minimax of degree 6 for an error of 2**-59.5. What
   is rounded off 1 - r**2 / 2 is added again. */
PB_INLINE double pb_cos_part_f64(double r, double low) {
    double square = r * r, half = 0.5 * square;
    double q = 4.73766694103035e-14;
    q = pb_fma_f64(q, square, -1.1470282986107536e-11);
    q = pb_fma_f64(q, square, 2.0876754270714126e-09);
    q = pb_fma_f64(q, square, -2.755731921492703e-07);
    q = pb_fma_f64(q, square, 2.480158730157038e-05);
    q = pb_fma_f64(q, square, -0.0013888888888888872);
    q = pb_fma_f64(q, square, 0.041666666666666664);
    double y = 1.0 - half;
    return y + (((1.0 - y) - half) + pb_fma_f64(square * square, q, -r * low));
}

/* pb_sin_quarter_f64: sin(r + low + n pi / 2), where the last two bits of n count. */
PB_INLINE double pb_sin_quarter_f64(double r, double low, uint64_t n) {
    double y = n & 1u ? pb_cos_part_f64(r, low) : pb_sin_part_f64(r, low);
    return pb_from_bits_f64(pb_bits_f64(y) ^ (n & 2u) << 62);
}

/* pb_quarters_f64: x in quarters of a turn, plus 1.5 * 2**52, which rounds to an integer and
   leaves it in the lowest bits. For |x| <= 2**20. */
PB_INLINE double pb_quarters_f64(double x) {
    return x * 0.6366197723675814 + 6755399441055744.0;
}

/* pb_rest_high_f64: x less its quarters, in radians. For |x| <= 2**20.
   pi / 2 is in three parts of 33 bits, whose products with n are exact, and a fourth (W. J. Cody
   and W. Waite (1980), "Software manual for the elementary functions"). */
PB_INLINE double pb_rest_high_f64(double x) {
    double n = pb_quarters_f64(x) - 6755399441055744.0;
    double r = x - n * 1.5707963267341256;
    return (r - n * 6.077100506303966e-11) - n * 2.0222662487111665e-21;
}

/* pb_rest_low_f64: what is rounded off pb_rest_high_f64. */
PB_INLINE double pb_rest_low_f64(double x) {
    double n = pb_quarters_f64(x) - 6755399441055744.0;
    double r = x - n * 1.5707963267341256;
    double second = n * 6.077100506303966e-11, third = n * 2.0222662487111665e-21;
    double once = r - second, twice = once - third;
    double low = ((r - once) - second) + ((once - twice) - third);
    return pb_fma_f64(n, -8.4784276603689e-32, low);
}

/* pb_sin_near_f64: within 1.0 ulp for x from -1048576 to 1048576. */
PB_INLINE double pb_sin_near_f64(double x) {
    uint64_t n = pb_bits_f64(pb_quarters_f64(x));
    double y = pb_sin_quarter_f64(pb_rest_high_f64(x), pb_rest_low_f64(x), n);
    return x == 0.0 ? x : y;
}

/* pb_cos_near_f64: within 1.0 ulp for x from -1048576 to 1048576. */
PB_INLINE double pb_cos_near_f64(double x) {
    uint64_t n = pb_bits_f64(pb_quarters_f64(x));
    return pb_sin_quarter_f64(pb_rest_high_f64(x), pb_rest_low_f64(x), n + 1u);
}

/* pb_tan_near_f64: within 2.0 ulp for x from -1048576 to 1048576. */
PB_INLINE double pb_tan_near_f64(double x) {
    uint64_t n = pb_bits_f64(pb_quarters_f64(x));
    double r = pb_rest_high_f64(x), low = pb_rest_low_f64(x);
    double sine = pb_sin_part_f64(r, low), cosine = pb_cos_part_f64(r, low);
    double y = (n & 1u ? -cosine : sine) / (n & 1u ? sine : cosine);
    return x == 0.0 ? x : y;
}

/* pb_sin_f64: within 1.0 ulp.
   libm's beyond 2**20, which keeps a loop from becoming vectors; with pb_sin_near_f64 it does. */
PB_INLINE double pb_sin_f64(double x) {
    return __builtin_fabs(x) <= 1048576.0 ? pb_sin_near_f64(x) : __builtin_sin(x);
}

/* pb_cos_f64: within 1.0 ulp.
   See pb_sin_f64. */
PB_INLINE double pb_cos_f64(double x) {
    return __builtin_fabs(x) <= 1048576.0 ? pb_cos_near_f64(x) : __builtin_cos(x);
}

/* pb_tan_f64: within 2.0 ulp.
   See pb_sin_f64. */
PB_INLINE double pb_tan_f64(double x) {
    return __builtin_fabs(x) <= 1048576.0 ? pb_tan_near_f64(x) : __builtin_tan(x);
}

/* pb_sinc_f64: within 3.0 ulp.
   sin(pi x) / (pi x), with sin(pi x) of x less an integer, which is exact. */
PB_INLINE double pb_sinc_f64(double x) {
    double whole = __builtin_rint(x), half = 0.5 * whole;
    double sine = pb_sin_near_f64(3.141592653589793 * (x - whole));
    double y = (half == __builtin_rint(half) ? sine : -sine) / (3.141592653589793 * x);
    y = __builtin_fabs(x) == __builtin_inf() ? 0.0 : y;
    return x == 0.0 ? 1.0 : y;
}

/* pb_arcsin_rest_f64: (arcsin(s) - s) / s**3 of the square of s <= 1/2.
   Minimax of degree 12 for the error relative to arcsin(s), which is 2**-58.8. */
PB_INLINE double pb_arcsin_rest_f64(double square) {
    double q = 0.03288254319286999;
    q = pb_fma_f64(q, square, -0.021395781044001208);
    q = pb_fma_f64(q, square, 0.02198102182065141);
    q = pb_fma_f64(q, square, 0.0035968327404731996);
    q = pb_fma_f64(q, square, 0.010808478325893689);
    q = pb_fma_f64(q, square, 0.011394021800373242);
    q = pb_fma_f64(q, square, 0.01398139965768573);
    q = pb_fma_f64(q, square, 0.017351565340481174);
    q = pb_fma_f64(q, square, 0.022372217489265395);
    q = pb_fma_f64(q, square, 0.030381942622666018);
    q = pb_fma_f64(q, square, 0.04464285717630361);
    q = pb_fma_f64(q, square, 0.0749999999996912);
    q = pb_fma_f64(q, square, 0.16666666666666766);
    return q;
}

/* pb_arcsin_f64: within 2.0 ulp.
   As pb_arcsin_f32. */
PB_INLINE double pb_arcsin_f64(double x) {
    double size = __builtin_fabs(x);
    double square = size < 0.5 ? size * size : 0.5 * (1.0 - size);
    double s = size < 0.5 ? size : __builtin_sqrt(square);
    double cube = s * (square * pb_arcsin_rest_f64(square));
    double sum = 1.5707963267948966 - 2.0 * s, lost = (1.5707963267948966 - sum) - 2.0 * s;
    double large = sum - (2.0 * cube - 6.123233995736766e-17 - lost);
    return __builtin_copysign(size < 0.5 ? s + cube : large, x);
}

/* pb_arccos_f64: within 1.5 ulp.
   As pb_arccos_f32. */
PB_INLINE double pb_arccos_f64(double x) {
    double size = __builtin_fabs(x);
    double square = size < 0.5 ? size * size : 0.5 * (1.0 - size);
    double s = size < 0.5 ? x : __builtin_sqrt(square);
    double arc = pb_fma_f64(s * square, pb_arcsin_rest_f64(square), s);
    double middle = 1.5707963267948966 - (arc - 6.123233995736766e-17);
    double large = x < 0.0 ? 3.141592653589793 - (2.0 * arc - 1.2246467991473532e-16) : 2.0 * arc;
    return size < 0.5 ? middle : large;
}

/* pb_arctan_part_f64: arctan(t) for 0 <= t <= 1.
   t + t**3 q(t**2), with q minimax of degree 19 for the error relative to arctan(t), which is
   2**-54.7. */
PB_INLINE double pb_arctan_part_f64(double t) {
    double square = t * t;
    double q = 1.3225361182767782e-05;
    q = pb_fma_f64(q, square, -0.00015216379214495236);
    q = pb_fma_f64(q, square, 0.0008313357603831148);
    q = pb_fma_f64(q, square, -0.002884959163905187);
    q = pb_fma_f64(q, square, 0.007196585215567696);
    q = pb_fma_f64(q, square, -0.013900680753712393);
    q = pb_fma_f64(q, square, 0.02198498735575878);
    q = pb_fma_f64(q, square, -0.02990397310270028);
    q = pb_fma_f64(q, square, 0.03664198722627408);
    q = pb_fma_f64(q, square, -0.04219182928947275);
    q = pb_fma_f64(q, square, 0.04722323833449209);
    q = pb_fma_f64(q, square, -0.05253519064142613);
    q = pb_fma_f64(q, square, 0.058805279389825785);
    q = pb_fma_f64(q, square, -0.06666404080465825);
    q = pb_fma_f64(q, square, 0.07692279842402183);
    q = pb_fma_f64(q, square, -0.09090907003292056);
    q = pb_fma_f64(q, square, 0.11111111007045758);
    q = pb_fma_f64(q, square, -0.14285714282575898);
    q = pb_fma_f64(q, square, 0.19999999999951476);
    q = pb_fma_f64(q, square, -0.3333333333333307);
    return pb_fma_f64(q * square, t, t);
}

/* pb_arctan_f64: within 2.0 ulp.
   As pb_arctan_f32. */
PB_INLINE double pb_arctan_f64(double x) {
    double size = __builtin_fabs(x);
    double y = pb_arctan_part_f64(size > 1.0 ? 1.0 / size : size);
    y = size > 1.0 ? 1.5707963267948966 - (y - 6.123233995736766e-17) : y;
    return __builtin_copysign(y, x);
}

/* pb_arctan2_f64: within 2.0 ulp.
   As pb_arctan2_f32. */
PB_INLINE double pb_arctan2_f64(double y, double x) {
    double up = __builtin_fabs(y), along = __builtin_fabs(x);
    double smaller = up > along ? along : up, larger = up > along ? up : along;
    double t = up + along == 0.0 ? 0.0 : smaller / larger;
    t = (up == __builtin_inf()) & (along == __builtin_inf()) ? 1.0 : t;
    double angle = pb_arctan_part_f64(t);
    angle = up > along ? 1.5707963267948966 - (angle - 6.123233995736766e-17) : angle;
    _Bool behind = __builtin_copysign(1.0, x) < 0.0;
    angle = behind ? 3.141592653589793 - (angle - 1.2246467991473532e-16) : angle;
    return __builtin_copysign(angle, y);
}
