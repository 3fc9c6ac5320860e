/* What float64 needs of C, and NumPy's rules for it; read by table.py. */

/* pb_bits_f64: the bits of a number. */
PB_INLINE uint64_t pb_bits_f64(double x) {
    union { double number; uint64_t bits; } both = {x};
    return both.bits;
}

/* pb_from_bits_f64: the number of these bits. */
PB_INLINE double pb_from_bits_f64(uint64_t bits) {
    union { uint64_t bits; double number; } both = {bits};
    return both.number;
}

/* pb_fma_f64: a * b + c, rounded once where the processor does that in one instruction. */
PB_INLINE double pb_fma_f64(double a, double b, double c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

/* pb_absolute_f64: exact. */
PB_INLINE double pb_absolute_f64(double x) {
    return __builtin_fabs(x);
}

/* pb_copysign_f64: exact. */
PB_INLINE double pb_copysign_f64(double x, double y) {
    return __builtin_copysign(x, y);
}

/* pb_sign_f64: exact. 0 of both zeros, as in NumPy. */
PB_INLINE double pb_sign_f64(double x) {
    return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x == 0.0 ? 0.0 : x;
}

/* pb_maximum_f64: exact. NaN where either is; of two zeros the first. */
PB_INLINE double pb_maximum_f64(double x, double y) {
    return (x >= y) | (x != x) ? x : y;
}

/* pb_minimum_f64: exact. NaN where either is; of two zeros the first. */
PB_INLINE double pb_minimum_f64(double x, double y) {
    return (x <= y) | (x != x) ? x : y;
}

/* pb_fmax_f64: exact. The other where one is NaN; of two zeros the first. */
PB_INLINE double pb_fmax_f64(double x, double y) {
    return (x >= y) | (y != y) ? x : y;
}

/* pb_fmin_f64: exact. The other where one is NaN; of two zeros the first. */
PB_INLINE double pb_fmin_f64(double x, double y) {
    return (x <= y) | (y != y) ? x : y;
}

/* pb_floor_f64: exact. This and the next are one instruction where there is SSE 4.1 or NEON. */
PB_INLINE double pb_floor_f64(double x) {
    return __builtin_floor(x);
}

/* pb_ceil_f64: exact. */
PB_INLINE double pb_ceil_f64(double x) {
    return __builtin_ceil(x);
}

/* pb_trunc_f64: exact. */
PB_INLINE double pb_trunc_f64(double x) {
    return __builtin_trunc(x);
}

/* pb_rint_f64: exact. Halves go to the even neighbour. */
PB_INLINE double pb_rint_f64(double x) {
    return __builtin_rint(x);
}

/* pb_remainder_f64: within 0.5 ulp.
   NumPy's, of the sign of y. What C has is of that of x, and is exact. Calls libm: no vectors. */
PB_INLINE double pb_remainder_f64(double x, double y) {
    double rest = __builtin_fmod(x, y);
    double moved = (rest < 0.0) != (y < 0.0) ? rest + y : rest;
    return rest == 0.0 ? __builtin_copysign(rest, y) : moved;
}

/* pb_floor_divide_f64: within 0.5 ulp.
   NumPy's: what is left when the remainder is taken off is near a multiple of y, and rounded to
   one. Calls libm: no vectors. */
PB_INLINE double pb_floor_divide_f64(double x, double y) {
    double rest = __builtin_fmod(x, y);
    double whole = (x - rest) / y;
    whole = (rest != 0.0) & ((rest < 0.0) != (y < 0.0)) ? whole - 1.0 : whole;
    double below = __builtin_floor(whole);
    below = whole - below > 0.5 ? below + 1.0 : below;
    double quotient = x / y;
    return y == 0.0 ? quotient : whole == 0.0 ? __builtin_copysign(0.0, quotient) : below;
}

/* pb_square_f64: within 0.5 ulp. */
PB_INLINE double pb_square_f64(double x) {
    return x * x;
}

/* pb_reciprocal_f64: within 0.5 ulp. */
PB_INLINE double pb_reciprocal_f64(double x) {
    return 1.0 / x;
}

/* pb_sqrt_f64: within 0.5 ulp. */
PB_INLINE double pb_sqrt_f64(double x) {
    return __builtin_sqrt(x);
}
