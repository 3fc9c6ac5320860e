/* Logarithms of float32 and what is made of them; read by table.py. */

/* pb_exponent_f32: n of x = 2**n (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for finite x > 0. */
PB_INLINE float pb_exponent_f32(float x) {
    float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
    uint32_t k = pb_bits_f32(scaled) - 0x3f3504f3u;
    return (float)((int32_t)k >> 23) + (x < 1.17549435e-38f ? -23.0f : 0.0f);
}

/* pb_fraction_f32: the f of pb_exponent_f32. */
PB_INLINE float pb_fraction_f32(float x) {
    float scaled = x < 1.17549435e-38f ? x * 8388608.0f : x;
    uint32_t k = pb_bits_f32(scaled) - 0x3f3504f3u;
    return pb_from_bits_f32((k & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
}

/* pb_log_sum_f32: n ln(2) + log(1 + f), for what pb_exponent_f32 and pb_fraction_f32 are.
   log(1 + f) = f - f**2 / 2 + f**3 q(f), with q minimax of degree 8 for the error relative to
   log(1 + f), which is 2**-28.1. The first 15 bits of ln(2) times n are exact. */
PB_INLINE float pb_log_sum_f32(float n, float f) {
    float q = 6.746611e-2f;
    q = pb_fma_f32(q, f, -1.1675619e-1f);
    q = pb_fma_f32(q, f, 1.18881576e-1f);
    q = pb_fma_f32(q, f, -1.24055944e-1f);
    q = pb_fma_f32(q, f, 1.4219554e-1f);
    q = pb_fma_f32(q, f, -1.6667995e-1f);
    q = pb_fma_f32(q, f, 2.0002119e-1f);
    q = pb_fma_f32(q, f, -2.500001e-1f);
    q = pb_fma_f32(q, f, 3.3333313e-1f);
    float square = f * f;
    float y = pb_fma_f32(n, 1.4286068e-6f, square * f * q);
    y = f + pb_fma_f32(square, -0.5f, y);
    return pb_fma_f32(n, 0.693145751953125f, y);
}

/* pb_log_edges_f32: y, but what a logarithm is of numbers that are not finite and above 0. */
PB_INLINE float pb_log_edges_f32(float x, float y) {
    float outside = x == 0.0f ? -__builtin_inff() : x < 0.0f ? __builtin_nanf("") : x;
    return (x > 0.0f) & (x < __builtin_inff()) ? y : outside;
}

/* pb_log_f32: within 1.0 ulp. */
PB_INLINE float pb_log_f32(float x) {
    return pb_log_edges_f32(x, pb_log_sum_f32(pb_exponent_f32(x), pb_fraction_f32(x)));
}

/* pb_log2_f32: within 1.5 ulp.
   log2(1 + f) = f + f q(f), with q minimax of degree 9 for the error relative to it, which is
   2**-25.7. */
PB_INLINE float pb_log2_f32(float x) {
    float f = pb_fraction_f32(x);
    float q = -0.10994846f;
    q = pb_fma_f32(q, f, 0.186174f);
    q = pb_fma_f32(q, f, -0.19106269f);
    q = pb_fma_f32(q, f, 0.20460077f);
    q = pb_fma_f32(q, f, -0.23961744f);
    q = pb_fma_f32(q, f, 0.2885674f);
    q = pb_fma_f32(q, f, -0.36069664f);
    q = pb_fma_f32(q, f, 0.48089823f);
    q = pb_fma_f32(q, f, -0.72134733f);
    q = pb_fma_f32(q, f, 0.44269505f);
    return pb_log_edges_f32(x, pb_exponent_f32(x) + pb_fma_f32(q, f, f));
}

/* pb_log10_f32: within 2.0 ulp.
   log10(1 + f) = c f + f q(f), with c = log10(e) as it is in float32, and q minimax of degree 9 for
   the error relative to it, which is 2**-26.8. log10(2) is in two parts, as ln(2) is. */
PB_INLINE float pb_log10_f32(float x) {
    float n = pb_exponent_f32(x), f = pb_fraction_f32(x);
    float q = -0.03309778f;
    q = pb_fma_f32(q, f, 0.05604396f);
    q = pb_fma_f32(q, f, -0.057515603f);
    q = pb_fma_f32(q, f, 0.061590966f);
    q = pb_fma_f32(q, f, -0.072132036f);
    q = pb_fma_f32(q, f, 0.086867444f);
    q = pb_fma_f32(q, f, -0.10858051f);
    q = pb_fma_f32(q, f, 0.1447648f);
    q = pb_fma_f32(q, f, -0.21714719f);
    q = pb_fma_f32(q, f, -1.0120868e-08f);
    float y = pb_fma_f32(n, 4.605039e-6f, f * q);
    y = pb_fma_f32(f, 0.4342945f, y);
    return pb_log_edges_f32(x, pb_fma_f32(n, 0.301025390625f, y));
}

/* pb_log1p_f32: within 1.5 ulp.
   1 + x = 2**n (1 + f), and with s = 2**-n f = s x + (s - 1), where nothing is lost of x; far out,
   where s might be out of range, it is the fraction of 1 + x. Below 2**-25 it is x. */
PB_INLINE float pb_log1p_f32(float x) {
    float sum = 1.0f + x;
    float n = pb_exponent_f32(sum);
    float s = pb_from_bits_f32((pb_bits_f32(12582912.0f - n) + 127u) << 23);
    float f = x < 1e9f ? pb_fma_f32(x, s, s - 1.0f) : pb_fraction_f32(sum);
    float y = pb_log_edges_f32(sum, pb_log_sum_f32(n, f));
    return __builtin_fabsf(x) < 2.9802322e-8f ? x : y;
}

/* pb_log1p_to_1_f32: y + log(1 + x) for 0 <= x <= 1.
   x + x**2 q(x), with q minimax of degree 9 for the error relative to it, which is
   2**-28.0. */
PB_INLINE float pb_log1p_to_1_f32(float x, float y) {
    float q = 0.0020729706f;
    q = pb_fma_f32(q, x, -0.013631596f);
    q = pb_fma_f32(q, x, 0.041981608f);
    q = pb_fma_f32(q, x, -0.08307436f);
    q = pb_fma_f32(q, x, 0.12467143f);
    q = pb_fma_f32(q, x, -0.16129345f);
    q = pb_fma_f32(q, x, 0.19897935f);
    q = pb_fma_f32(q, x, -0.2498858f);
    q = pb_fma_f32(q, x, 0.3333269f);
    q = pb_fma_f32(q, x, -0.49999988f);
    return x + pb_fma_f32(x * x, q, y);
}

/* pb_exp_of_minus_f32: e**-x for x >= 0, within 0.8 ulp.
   As pb_exp_scaled_f32, with what is rounded off r and off 1 + r added again. */
PB_INLINE float pb_exp_of_minus_f32(float x) {
    x = x > 104.0f ? -104.0f : -x;
    float shifted = x * 1.442695f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float exact = pb_fma_f32(n, -0.693145751953125f, x);
    float r = pb_fma_f32(n, -1.4286068e-6f, exact);
    float low = pb_fma_f32(n, -1.4286068e-6f, exact - r);
    float y = 1.0f + r;
    low += (1.0f - y) + r;
    y += pb_fma_f32(pb_exp_rest_f32(r), r * r, low);
    uint32_t k = pb_bits_f32(shifted) - (0x4b400000u - 254u);
    uint32_t half = k >> 1;
    return y * pb_from_bits_f32(half << 23) * pb_from_bits_f32((k - half) << 23);
}

/* pb_softplus_f32: within 2.0 ulp.
   max(x, 0) + log1p(e**-|x|). */
PB_INLINE float pb_softplus_f32(float x) {
    float positive = x < 0.0f ? 0.0f : x;
    return pb_log1p_to_1_f32(pb_exp_of_minus_f32(__builtin_fabsf(x)), positive);
}

/* pb_logaddexp_f32: within 1.0 ulp of the largest of |x|, |y| and the result.
   The larger + log1p(e**-|x - y|), where the difference of equal infinities is 0. In double
   precision, for the result may be smaller than what is added. */
PB_INLINE float pb_logaddexp_f32(float x, float y) {
    double larger = x > y ? x : y;
    double apart = x == y ? 0.0 : __builtin_fabs((double)x - y);
    return (float)pb_log1p_to_1_f64(pb_exp2_coarse_f64(-1.4426950408889634 * apart), larger);
}

/* pb_logaddexp2_f32: within 1.0 ulp of the largest of |x|, |y| and the result.
   The larger + log1p(2**-|x - y|) / ln(2), likewise. */
PB_INLINE float pb_logaddexp2_f32(float x, float y) {
    double larger = x > y ? x : y;
    double apart = x == y ? 0.0 : __builtin_fabs((double)x - y);
    double log = pb_log1p_to_1_f64(pb_exp2_coarse_f64(-apart), 0.0);
    return x == y ? x + 1.0f : (float)pb_fma_f64(log, 1.4426950408889634, larger);
}

/* pb_xlogy_f32: within 2.0 ulp. */
PB_INLINE float pb_xlogy_f32(float x, float y) {
    return (x == 0.0f) & (y == y) ? 0.0f : x * pb_log_f32(y);
}

/* pb_logit_f32: within 1.0 ulp.
   In double precision, as the next three: at half the speed that the width of a vector allows. */
PB_INLINE float pb_logit_f32(float x) {
    double p = x;
    return (float)pb_log_f64(p / (1.0 - p));
}

/* pb_arcsinh_f32: within 1.0 ulp. */
PB_INLINE float pb_arcsinh_f32(float x) {
    return (float)pb_arcsinh_f64(x);
}

/* pb_arccosh_f32: within 1.0 ulp. */
PB_INLINE float pb_arccosh_f32(float x) {
    return (float)pb_arccosh_f64(x);
}

/* pb_arctanh_f32: within 1.0 ulp. */
PB_INLINE float pb_arctanh_f32(float x) {
    return (float)pb_arctanh_f64(x);
}
