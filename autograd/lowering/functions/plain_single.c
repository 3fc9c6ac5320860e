/* What float32 needs of C, and NumPy's rules for it; read by table.py. */

/* pb_bits_f32: the bits of a number. */
PB_INLINE uint32_t pb_bits_f32(float x) {
    union { float number; uint32_t bits; } both = {x};
    return both.bits;
}

/* pb_from_bits_f32: the number of these bits. */
PB_INLINE float pb_from_bits_f32(uint32_t bits) {
    union { uint32_t bits; float number; } both = {bits};
    return both.number;
}

/* pb_fma_f32: a * b + c, rounded once where the processor does that in one instruction. */
PB_INLINE float pb_fma_f32(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* pb_once_f32: a * b + c, rounded once by every processor, for what a product leaves over.
   In double precision the product is exact. */
PB_INLINE float pb_once_f32(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return (float)((double)a * (double)b + (double)c);
#endif
}

/* pb_absolute_f32: exact. */
PB_INLINE float pb_absolute_f32(float x) {
    return __builtin_fabsf(x);
}

/* pb_copysign_f32: exact. */
PB_INLINE float pb_copysign_f32(float x, float y) {
    return __builtin_copysignf(x, y);
}

/* pb_sign_f32: exact. 0 of both zeros, as in NumPy. */
PB_INLINE float pb_sign_f32(float x) {
    return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x == 0.0f ? 0.0f : x;
}

/* pb_maximum_f32: exact. NaN where either is; of two zeros the first. */
PB_INLINE float pb_maximum_f32(float x, float y) {
    return (x >= y) | (x != x) ? x : y;
}

/* pb_minimum_f32: exact. NaN where either is; of two zeros the first. */
PB_INLINE float pb_minimum_f32(float x, float y) {
    return (x <= y) | (x != x) ? x : y;
}

/* pb_fmax_f32: exact. The other where one is NaN; of two zeros the first. */
PB_INLINE float pb_fmax_f32(float x, float y) {
    return (x >= y) | (y != y) ? x : y;
}

/* pb_fmin_f32: exact. The other where one is NaN; of two zeros the first. */
PB_INLINE float pb_fmin_f32(float x, float y) {
    return (x <= y) | (y != y) ? x : y;
}

/* pb_floor_f32: exact. This and the next are one instruction where there is SSE 4.1 or NEON. */
PB_INLINE float pb_floor_f32(float x) {
    return __builtin_floorf(x);
}

/* pb_ceil_f32: exact. */
PB_INLINE float pb_ceil_f32(float x) {
    return __builtin_ceilf(x);
}

/* pb_trunc_f32: exact. */
PB_INLINE float pb_trunc_f32(float x) {
    return __builtin_truncf(x);
}

/* pb_rint_f32: exact. Halves go to the even neighbour. */
PB_INLINE float pb_rint_f32(float x) {
    return __builtin_rintf(x);
}

/* pb_remainder_f32: within 0.5 ulp.
   NumPy's, of the sign of y. What C has is of that of x, and is exact. Calls libm: no vectors. */
PB_INLINE float pb_remainder_f32(float x, float y) {
    float rest = __builtin_fmodf(x, y);
    float moved = (rest < 0.0f) != (y < 0.0f) ? rest + y : rest;
    return rest == 0.0f ? __builtin_copysignf(rest, y) : moved;
}

/* pb_floor_divide_f32: within 0.5 ulp.
   NumPy's: what is left when the remainder is taken off is near a multiple of y, and rounded to
   one. Calls libm: no vectors. */
PB_INLINE float pb_floor_divide_f32(float x, float y) {
    float rest = __builtin_fmodf(x, y);
    float whole = (x - rest) / y;
    whole = (rest != 0.0f) & ((rest < 0.0f) != (y < 0.0f)) ? whole - 1.0f : whole;
    float below = __builtin_floorf(whole);
    below = whole - below > 0.5f ? below + 1.0f : below;
    float quotient = x / y;
    return y == 0.0f ? quotient : whole == 0.0f ? __builtin_copysignf(0.0f, quotient) : below;
}

/* pb_square_f32: within 0.5 ulp. */
PB_INLINE float pb_square_f32(float x) {
    return x * x;
}

/* pb_reciprocal_f32: within 0.5 ulp. */
PB_INLINE float pb_reciprocal_f32(float x) {
    return 1.0f / x;
}

/* pb_sqrt_f32: within 0.5 ulp. */
PB_INLINE float pb_sqrt_f32(float x) {
    return __builtin_sqrtf(x);
}
