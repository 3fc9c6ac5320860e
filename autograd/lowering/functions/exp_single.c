/* Exponentials of float32 and what is made of them; read by table.py. */

/* pb_exp_rest_f32: (e**r - 1 - r) / r**2 for |r| <= ln(2) / 2.
   Minimax of degree 5 for the error relative to e**r, which is 2**-29.8. */
PB_INLINE float pb_exp_rest_f32(float r) {
    float q = 1.9790242e-4f;
    q = pb_fma_f32(q, r, 1.3944758e-3f);
    q = pb_fma_f32(q, r, 8.333498e-3f);
    q = pb_fma_f32(q, r, 4.1666295e-2f);
    q = pb_fma_f32(q, r, 1.6666666e-1f);
    return pb_fma_f32(q, r, 0.5f);
}

/* pb_exp_shifted_f32: 1.5 * 2**23 + n with n = rint(x / ln(2)), which is in the lowest bits. */
PB_INLINE float pb_exp_shifted_f32(float x) {
    return x * 1.442695f + 12582912.0f;
}

/* pb_exp_less_1_f32: e**r - 1 with x = n ln(2) + r. ln(2) is in two parts, the first of 15 bits, so
   that n times it is exact. */
PB_INLINE float pb_exp_less_1_f32(float x, float shifted) {
    float n = shifted - 12582912.0f;
    float r = pb_fma_f32(n, -0.693145751953125f, x);
    r = pb_fma_f32(n, -1.4286068e-6f, r);
    return pb_fma_f32(pb_exp_rest_f32(r), r * r, r);
}

/* pb_exp_bounded_f32: x, or -104 below and 90 above that, where its exponential is 0 or infinite.
   Bits as integers are in the order of the numbers above 0, and in the reverse order below it. Of
   a choice between floats compilers make ways of their own through all that follows. */
PB_INLINE float pb_exp_bounded_f32(float x) {
    int32_t above = (int32_t)pb_bits_f32(x);
    above = above < 0x42b40000 ? above : 0x42b40000;
    uint32_t below = (uint32_t)above;
    below = below < 0xc2d00000u ? below : 0xc2d00000u;
    return x != x ? x : pb_from_bits_f32(below);
}

/* pb_exp_scaled_f32: e**x 2**(k - 254), for k of 253 or 254. Within 1.5 ulp.
   e**x = 2**n e**r. 2**n may be out of range where the result is not, so it is two factors; the last
   is 0 where the result is: processors take a hundred times as long to round a number to 0. */
PB_INLINE float pb_exp_scaled_f32(float x, uint32_t k) {
    x = pb_exp_bounded_f32(x);
    float shifted = pb_exp_shifted_f32(x);
    float y = pb_exp_less_1_f32(x, shifted) + 1.0f;
    k += pb_bits_f32(shifted) - 0x4b400000u; /* which is n */
    uint32_t half = k >> 1;
    uint32_t last = pb_bits_f32(x) == 0xc2d00000u /* -104 */ ? 0u : (k - half) << 23;
    return y * pb_from_bits_f32(half << 23) * pb_from_bits_f32(last);
}

/* pb_exp_f32: within 1.1 ulp. */
PB_INLINE float pb_exp_f32(float x) {
    return pb_exp_scaled_f32(x, 254u);
}

/* pb_exp_near_f32: within 1.1 ulp for x from -87 to 88.
   There 2**n is one factor. */
PB_INLINE float pb_exp_near_f32(float x) {
    float shifted = pb_exp_shifted_f32(x);
    float y = pb_exp_less_1_f32(x, shifted) + 1.0f;
    return y * pb_from_bits_f32((pb_bits_f32(shifted) + 127u) << 23);
}

/* pb_exp2_f32: within 1.2 ulp.
   2**x = 2**n 2**r with n = rint(x), and 2**r = 1 + r q(r) with q minimax of degree 6 for the error
   relative to 2**r, which is 2**-30.0. For the rest see pb_exp_scaled_f32. */
PB_INLINE float pb_exp2_f32(float x) {
    x = x > 129.0f ? 129.0f : x;
    x = x < -151.0f ? -151.0f : x;
    float shifted = x + 12582912.0f;
    float r = x - (shifted - 12582912.0f);
    float q = 1.3359743e-05f;
    q = pb_fma_f32(q, r, 0.00015461366f);
    q = pb_fma_f32(q, r, 0.0013341951f);
    q = pb_fma_f32(q, r, 0.009618057f);
    q = pb_fma_f32(q, r, 0.055504005f);
    q = pb_fma_f32(q, r, 0.2402265f);
    q = pb_fma_f32(q, r, 0.6931472f);
    float y = pb_fma_f32(q, r, 1.0f);
    uint32_t k = pb_bits_f32(shifted) - (0x4b400000u - 254u);
    uint32_t half = k >> 1;
    return y * pb_from_bits_f32(half << 23) * pb_from_bits_f32((k - half) << 23);
}

/* pb_expm1_f32: within 2.0 ulp.
   With e**r = 1 + p it is 2**n p + (2**n - 1), computed as twice that with 2**(n - 1), which is in
   range for n = 128 too. Below 2**-25 it is x. */
PB_INLINE float pb_expm1_f32(float x) {
    float bounded = x > 89.0f ? 89.0f : x;
    bounded = bounded < -18.0f ? -18.0f : bounded;
    float shifted = pb_exp_shifted_f32(bounded);
    float p = pb_exp_less_1_f32(bounded, shifted);
    float scale = pb_from_bits_f32((pb_bits_f32(shifted) + 126u) << 23);
    float y = 2.0f * pb_fma_f32(scale, p, scale - 0.5f);
    return __builtin_fabsf(x) < 2.9802322e-8f ? x : y;
}

/* pb_sinh_f32: within 2.0 ulp.
   Below 1 x + x**3 q(x**2), with q minimax of degree 3 for the error relative to sinh(x), which is
   2**-27.5. Above it h - 1 / (4 h) with h = e**|x| / 2. */
PB_INLINE float pb_sinh_f32(float x) {
    float size = __builtin_fabsf(x);
    float square = x * x;
    float q = 2.8169513e-06f;
    q = pb_fma_f32(q, square, 0.0001983616f);
    q = pb_fma_f32(q, square, 0.00833335f);
    q = pb_fma_f32(q, square, 0.16666667f);
    float small = pb_fma_f32(q * square, size, size);
    float half = pb_exp_scaled_f32(size, 253u);
    return __builtin_copysignf(size < 1.0f ? small : half - 0.25f / half, x);
}

/* pb_cosh_f32: within 1.5 ulp.
   h + 1 / (4 h) with h = e**|x| / 2. */
PB_INLINE float pb_cosh_f32(float x) {
    float half = pb_exp_scaled_f32(__builtin_fabsf(x), 253u);
    return half + 0.25f / half;
}

/* pb_tanh_f32: within 1.5 ulp.
   Below 0.6 x + x**3 q(x**2), with q minimax of degree 4 for the error relative to tanh(x), which
   is 2**-27.6. Above it 1 - 2 / (e**(2 |x|) + 1), which is 1 beyond 10. */
PB_INLINE float pb_tanh_f32(float x) {
    float size = __builtin_fabsf(x);
    float square = x * x;
    float q = -5.895164e-3f;
    q = pb_fma_f32(q, square, 2.0795977e-2f);
    q = pb_fma_f32(q, square, -5.3783834e-2f);
    q = pb_fma_f32(q, square, 1.3331924e-1f);
    q = pb_fma_f32(q, square, -3.33333e-1f);
    float small = pb_fma_f32(q * square, size, size);
    float bounded = size > 10.0f ? 10.0f : size;
    float large = 1.0f - 2.0f / (pb_exp_near_f32(bounded + bounded) + 1.0f);
    return __builtin_copysignf(size < 0.6f ? small : large, x);
}

/* pb_expit_f32: within 1.0 ulp.
   With e = e**-|x|: 1 / (1 + e), and e / (1 + e) below 0. In double precision, for the roundings of
   e, of 1 + e and of the quotient add up to more than 2 ulp, and there is little else to do. */
PB_INLINE float pb_expit_f32(float x) {
    double e = pb_exp2_coarse_f64(__builtin_fabsf(x) * -1.4426950408889634);
    return (float)((x < 0.0f ? e : 1.0) / (1.0 + e));
}

/* pb_expit_slope_f32: within 1.0 ulp.
   e / (1 + e)**2, as pb_expit_f32. */
PB_INLINE float pb_expit_slope_f32(float x) {
    double e = pb_exp2_coarse_f64(__builtin_fabsf(x) * -1.4426950408889634);
    return (float)(e / ((1.0 + e) * (1.0 + e)));
}

/* pb_erf_f32: within 1.5 ulp.
   Below 1 x + x q(x**2), with q minimax of degree 6 for the error relative to erf(x), which is
   2**-28.5. Above it 1 - e**p(|x|), with p minimax on [1, 4] of degree 6 for the error of that
   relative to erf(x), which is 2**-26.9. Beyond 4 it is 1. */
PB_INLINE float pb_erf_f32(float x) {
    float size = __builtin_fabsf(x);
    float square = x * x;
    float q = 7.8538746e-5f;
    q = pb_fma_f32(q, square, -8.010197e-4f);
    q = pb_fma_f32(q, square, 5.188328e-3f);
    q = pb_fma_f32(q, square, -2.6853813e-2f);
    q = pb_fma_f32(q, square, 1.12835854e-1f);
    q = pb_fma_f32(q, square, -3.7612626e-1f);
    q = pb_fma_f32(q, square, 1.2837917e-1f);
    float small = pb_fma_f32(q, size, size);
    float bounded = size > 4.0f ? 4.0f : size;
    float p = 1.8637793e-4f;
    p = pb_fma_f32(p, bounded, -2.947646e-3f);
    p = pb_fma_f32(p, bounded, 2.1838015e-2f);
    p = pb_fma_f32(p, bounded, -1.0310665e-1f);
    p = pb_fma_f32(p, bounded, -6.3814497e-1f);
    p = pb_fma_f32(p, bounded, -1.1270891f);
    p = pb_fma_f32(p, bounded, -3.415408e-4f);
    float large = 1.0f - pb_exp_near_f32(p);
    return __builtin_copysignf(size < 1.0f ? small : large, x);
}

/* pb_erfc_rest_f32: (e**(a**2) erfc(a) / r - 0.56417656) / r with r = 1 / (2 + a), for a from 0 to
   10.1. Minimax of degree 9 for the error that it makes of erfc(a), which is 2**-27.7. */
PB_INLINE float pb_erfc_rest_f32(float r) {
    float q = 72.85795f;
    q = pb_fma_f32(q, r, -194.4515f);
    q = pb_fma_f32(q, r, 193.76859f);
    q = pb_fma_f32(q, r, -72.997375f);
    q = pb_fma_f32(q, r, -3.353872f);
    q = pb_fma_f32(q, r, 2.4377677f);
    q = pb_fma_f32(q, r, 1.7196808f);
    q = pb_fma_f32(q, r, 2.9746115f);
    q = pb_once_f32(q, r, 1.9609847f);
    return pb_once_f32(q, r, 1.129032f);
}

/* pb_erfc_f32: within 1.8 ulp.
   With a = |x| and r = 1 / (2 + a) it is e**-a**2 r p, where p = 0.56417656 + r q is a polynomial
   in r, and 2 less that below 0. In single precision, which takes a quarter of the time that double
   does; so what roundings leave over is computed too. That of r moves the result by about
   1 + 2.55 r times as much, that of a**2 by as much: both are `off`, relative to the result. Those
   of p and of r p are `low`. The result may be as small as 2**-149, so it is computed times 2**64;
   beyond 11 it is 0. The exponential of the rounded -x * x is as elsewhere, so that where a loop
   needs that too, as the slope does, much of it is computed once. */
PB_INLINE float pb_erfc_f32(float x) {
    uint32_t size = pb_bits_f32(__builtin_fabsf(x));
    float a = pb_from_bits_f32(size < 0x41300000u ? size : 0x41300000u); /* 11 */
    float sum = a + 2.0f;
    float r = 1.0f / sum;
    float off = pb_once_f32(-r, sum, 1.0f);
    off = pb_fma_f32((sum - 2.0f) - a, r, off);
    off = pb_fma_f32(off, pb_fma_f32(2.55f, r, 1.0f), -pb_once_f32(a, a, -(a * a)));

    float q = pb_erfc_rest_f32(r);
    float p = pb_once_f32(q, r, 0.56417656f);
    float high = r * p;
    float low = pb_once_f32(r, p, -high);
    low = pb_fma_f32(r, pb_once_f32(q, r, 0.56417656f - p), low);
    low = pb_fma_f32(high, off, low);

    float power = pb_exp_bounded_f32(-x * x);
    float shifted = pb_exp_shifted_f32(power);
    float less = pb_exp_less_1_f32(power, shifted);
    low = pb_fma_f32(low, less, low);
    float y = pb_once_f32(high, less, low) + high;
    y *= pb_from_bits_f32((pb_bits_f32(shifted) + 191u) << 23);
    y *= 5.421010862427522e-20f;
    return x < 0.0f ? 2.0f - y : y;
}
