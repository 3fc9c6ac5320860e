/* Angles in float32; read by table.py. */

/* pb_sin_part_f32: sin(r) for |r| <= pi / 4.
   r + r**3 q(r**2), with q minimax of degree 3 for the error relative to sin(r), which is
   2**-28.0. */
PB_INLINE float pb_sin_part_f32(float r) {
    float square = r * r;
    float q = 2.7180465e-06f;
    q = pb_fma_f32(q, square, -0.00019839304f);
    q = pb_fma_f32(q, square, 0.008333329f);
    q = pb_fma_f32(q, square, -0.16666667f);
    return pb_fma_f32(q * square, r, r);
}

/* pb_cos_part_f32: cos(r) for |r| <= pi / 4.
   1 - r**2 / 2 + r**4 q(r**2), with q minimax of degree 2 for an error of 2**-32.8. */
PB_INLINE float pb_cos_part_f32(float r) {
    float square = r * r;
    float q = 2.4432415e-05f;
    q = pb_fma_f32(q, square, -0.001388731f);
    q = pb_fma_f32(q, square, 0.041666646f);
    return pb_fma_f32(square * square, q, pb_fma_f32(square, -0.5f, 1.0f));
}

/* pb_sin_quarter_f32: sin(r + n pi / 2), where the last two bits of n count. */
PB_INLINE float pb_sin_quarter_f32(float r, uint32_t n) {
    float y = n & 1u ? pb_cos_part_f32(r) : pb_sin_part_f32(r);
    return pb_from_bits_f32(pb_bits_f32(y) ^ (n & 2u) << 30);
}

/* pb_tan_quarter_f32: tan(r + n pi / 2), where the last bit of n counts.
   In double precision, for two sines that are rounded would be too much. Polynomials as in
   pb_sin_part_f32 and pb_cos_part_f32. */
PB_INLINE float pb_tan_quarter_f32(double r, uint32_t n) {
    double square = r * r;
    double p = 2.7180466245693957e-06;
    p = pb_fma_f64(p, square, -0.00019839304434683607);
    p = pb_fma_f64(p, square, 0.008333329280598796);
    p = pb_fma_f64(p, square, -0.16666666640588987);
    double sine = pb_fma_f64(p * square, r, r);
    double q = 2.443241514339134e-05;
    q = pb_fma_f64(q, square, -0.0013887309886453313);
    q = pb_fma_f64(q, square, 0.041666645554891316);
    double cosine = pb_fma_f64(square * square, q, pb_fma_f64(square, -0.5, 1.0));
    return (float)((n & 1u ? -cosine : sine) / (n & 1u ? sine : cosine));
}

/* pb_near_quarters_f32: x in quarters of a turn, plus 1.5 * 2**52, which rounds to an integer and
   leaves it in the lowest bits. For |x| <= 2**20. */
PB_INLINE double pb_near_quarters_f32(float x) {
    return (double)x * 0.6366197723675814 + 6755399441055744.0;
}

/* pb_near_rest_f32: x less its quarters, in radians. For |x| <= 2**20.
   In double precision. The first 33 bits of pi / 2 times n are exact. */
PB_INLINE double pb_near_rest_f32(float x) {
    double n = pb_near_quarters_f32(x) - 6755399441055744.0;
    double r = pb_fma_f64(n, -1.5707963267341256, x);
    return pb_fma_f64(n, -6.077100506506192e-11, r);
}

/* pb_sin_near_f32: within 2.0 ulp for x from -1048576 to 1048576. */
PB_INLINE float pb_sin_near_f32(float x) {
    uint32_t n = (uint32_t)pb_bits_f64(pb_near_quarters_f32(x));
    float y = pb_sin_quarter_f32(pb_near_rest_f32(x), n);
    return x == 0.0f ? x : y;
}

/* pb_cos_near_f32: within 2.0 ulp for x from -1048576 to 1048576. */
PB_INLINE float pb_cos_near_f32(float x) {
    uint32_t n = (uint32_t)pb_bits_f64(pb_near_quarters_f32(x));
    return pb_sin_quarter_f32(pb_near_rest_f32(x), n + 1u);
}

/* pb_tan_near_f32: within 1.0 ulp for x from -1048576 to 1048576. */
PB_INLINE float pb_tan_near_f32(float x) {
    uint32_t n = (uint32_t)pb_bits_f64(pb_near_quarters_f32(x));
    float y = pb_tan_quarter_f32(pb_near_rest_f32(x), n);
    return x == 0.0f ? x : y;
}

/* pb_part_of_turns_f32: the product less whole turns; exact for a factor of 29 bits. */
PB_INLINE double pb_part_of_turns_f32(double x, double factor) {
    return x * factor - __builtin_rint(x * factor);
}

/* pb_quarters_f32: x in quarters of a turn, less whole turns, plus 1.5 * 2**52 as above. For any x.
   1 / (2 pi) is in parts of 29 bits, whose products with x are exact: whole turns are taken off
   each, and nothing is lost however large x is (the idea is that of M. H. Payne and R. N. Hanek
   (1983), "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 19-24). */
PB_INLINE double pb_quarters_f32(double x) {
    double turns = pb_part_of_turns_f32(x, 0.15915494319051504);
    turns += pb_part_of_turns_f32(x, -9.861970550091581e-11);
    turns += pb_part_of_turns_f32(x, -8.151878527836852e-20);
    turns += pb_part_of_turns_f32(x, 5.666494517031503e-29);
    turns += pb_part_of_turns_f32(x, -4.6390169669477666e-38);
    turns += x * -1.7578597151923123e-47;
    return turns * 4.0 + 6755399441055744.0;
}

/* pb_rest_f32: x less its quarters, in radians. For any x.
   What is above the result is taken off first; from then on only bits that do not matter are
   rounded off. */
PB_INLINE double pb_rest_f32(double x) {
    double turns = (pb_quarters_f32(x) - 6755399441055744.0) * -0.25;
    turns += pb_part_of_turns_f32(x, 0.15915494319051504);
    turns += pb_part_of_turns_f32(x, -9.861970550091581e-11);
    turns += pb_part_of_turns_f32(x, -8.151878527836852e-20);
    turns += pb_part_of_turns_f32(x, 5.666494517031503e-29);
    turns += pb_part_of_turns_f32(x, -4.6390169669477666e-38);
    turns += x * -1.7578597151923123e-47;
    turns += x * 2.628348843372883e-57;
    return turns * 6.283185307179586;
}

/* pb_sin_f32: within 2.0 ulp.
   Of any x, for which pb_sin_near_f32 is left behind: it is two or three times as fast. */
PB_INLINE float pb_sin_f32(float x) {
    float y = pb_sin_quarter_f32(pb_rest_f32(x), (uint32_t)pb_bits_f64(pb_quarters_f32(x)));
    return x == 0.0f ? x : y;
}

/* pb_cos_f32: within 2.0 ulp.
   See pb_sin_f32. */
PB_INLINE float pb_cos_f32(float x) {
    return pb_sin_quarter_f32(pb_rest_f32(x), (uint32_t)pb_bits_f64(pb_quarters_f32(x)) + 1u);
}

/* pb_tan_f32: within 1.0 ulp.
   See pb_sin_f32. */
PB_INLINE float pb_tan_f32(float x) {
    float y = pb_tan_quarter_f32(pb_rest_f32(x), (uint32_t)pb_bits_f64(pb_quarters_f32(x)));
    return x == 0.0f ? x : y;
}

/* pb_sinc_f32: within 1.0 ulp.
   In double precision. */
PB_INLINE float pb_sinc_f32(float x) {
    return (float)pb_sinc_f64(x);
}

/* pb_arcsin_rest_f32: (arcsin(s) - s) / s**3 of the square of s <= 1/2.
   Minimax of degree 5 for the error relative to arcsin(s), which is 2**-30.4. */
PB_INLINE float pb_arcsin_rest_f32(float square) {
    float q = 0.03764581f;
    q = pb_fma_f32(q, square, 0.014350774f);
    q = pb_fma_f32(q, square, 0.031829733f);
    q = pb_fma_f32(q, square, 0.044514474f);
    q = pb_fma_f32(q, square, 0.07500516f);
    q = pb_fma_f32(q, square, 0.1666666f);
    return q;
}

/* pb_arcsin_f32: within 2.0 ulp.
   Above 1/2 pi / 2 - 2 arcsin(sqrt((1 - |x|) / 2)), where what is lost of the first difference is
   added again. */
PB_INLINE float pb_arcsin_f32(float x) {
    float size = __builtin_fabsf(x);
    float square = size < 0.5f ? size * size : 0.5f * (1.0f - size);
    float s = size < 0.5f ? size : __builtin_sqrtf(square);
    float cube = s * (square * pb_arcsin_rest_f32(square));
    float sum = 1.5707964f - 2.0f * s, lost = (1.5707964f - sum) - 2.0f * s;
    float large = sum - (2.0f * cube + 4.371139e-8f - lost);
    return __builtin_copysignf(size < 0.5f ? s + cube : large, x);
}

/* pb_arccos_f32: within 1.5 ulp.
   2 arcsin(sqrt((1 - |x|) / 2)) above 1/2, and pi less that below -1/2; else pi / 2 - arcsin(x). */
PB_INLINE float pb_arccos_f32(float x) {
    float size = __builtin_fabsf(x);
    float square = size < 0.5f ? size * size : 0.5f * (1.0f - size);
    float s = size < 0.5f ? x : __builtin_sqrtf(square);
    float arc = pb_fma_f32(s * square, pb_arcsin_rest_f32(square), s);
    float middle = 1.5707964f - (arc + 4.371139e-8f);
    float large = x < 0.0f ? 3.1415927f - (2.0f * arc + 8.742278e-8f) : 2.0f * arc;
    return size < 0.5f ? middle : large;
}

/* pb_arctan_part_f32: arctan(t) for 0 <= t <= 1.
   t + t**3 q(t**2), with q minimax of degree 8 for the error relative to arctan(t), which is
   2**-26.4. */
PB_INLINE float pb_arctan_part_f32(float t) {
    float square = t * t;
    float q = -0.0017936799f;
    q = pb_fma_f32(q, square, 0.010914867f);
    q = pb_fma_f32(q, square, -0.031178331f);
    q = pb_fma_f32(q, square, 0.057958078f);
    q = pb_fma_f32(q, square, -0.08403478f);
    q = pb_fma_f32(q, square, 0.10952195f);
    q = pb_fma_f32(q, square, -0.14264244f);
    q = pb_fma_f32(q, square, 0.19998549f);
    q = pb_fma_f32(q, square, -0.333333f);
    return pb_fma_f32(q * square, t, t);
}

/* pb_arctan_f32: within 2.0 ulp.
   Beyond 1 pi / 2 - arctan(1 / |x|). */
PB_INLINE float pb_arctan_f32(float x) {
    float size = __builtin_fabsf(x);
    float y = pb_arctan_part_f32(size > 1.0f ? 1.0f / size : size);
    return __builtin_copysignf(size > 1.0f ? 1.5707964f - (y + 4.371139e-8f) : y, x);
}

/* pb_arctan2_f32: within 2.0 ulp.
   The angle of the point (x, y), y first: arctan of the smaller by the larger, which is 0 at the
   origin and 1 for two infinities, in the right octant. */
PB_INLINE float pb_arctan2_f32(float y, float x) {
    float up = __builtin_fabsf(y), along = __builtin_fabsf(x);
    float smaller = up > along ? along : up, larger = up > along ? up : along;
    float t = up + along == 0.0f ? 0.0f : smaller / larger;
    t = (up == __builtin_inff()) & (along == __builtin_inff()) ? 1.0f : t;
    float angle = pb_arctan_part_f32(t);
    angle = up > along ? 1.5707964f - (angle + 4.371139e-8f) : angle;
    angle = __builtin_copysignf(1.0f, x) < 0.0f ? 3.1415927f - (angle + 8.742278e-8f) : angle;
    return __builtin_copysignf(angle, y);
}
