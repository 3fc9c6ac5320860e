/* Powers, cube roots and lengths in both precisions; read by table.py. */

/* pb_exp2_coarse_f64: 2**x for results in float32, with a relative error of 2**-32.0.
   2**r = 1 + r p(r) with p minimax of degree 6. Beyond 200 it is that of 200, on either side. */
PB_INLINE double pb_exp2_coarse_f64(double x) {
    x = x > 200.0 ? 200.0 : x;
    x = x < -200.0 ? -200.0 : x;
    double shifted = x + 6755399441055744.0;
    double r = x - (shifted - 6755399441055744.0);
    double p = 1.335974350820214e-05;
    p = pb_fma_f64(p, r, 0.0001546136675483739);
    p = pb_fma_f64(p, r, 0.0013341951336184863);
    p = pb_fma_f64(p, r, 0.009618056921792255);
    p = pb_fma_f64(p, r, 0.05550400375043023);
    p = pb_fma_f64(p, r, 0.24022650920774374);
    p = pb_fma_f64(p, r, 0.6931471838167897);
    double scale = pb_from_bits_f64((pb_bits_f64(shifted) + 1023u) << 52);
    return pb_fma_f64(p, r, 1.0) * scale;
}

/* pb_power_f32: within 1.0 ulp.
   2**(y log2(|x|)) in double precision, at half the speed that the width of a vector allows, with
   C's rules for signs, zeros, infinities and NaN. log2(1 + f) = f q(f) with q minimax of degree 11
   for a relative error of 2**-33.2, even and odd powers side by side. */
PB_INLINE float pb_power_f32(float x, float y) {
    float size = __builtin_fabsf(x), exponent = pb_exponent_f32(size);
    exponent = size == 0.0f ? -__builtin_inff() : size == __builtin_inff() ? size : exponent;
    double f = pb_fraction_f32(size);
    double square = f * f;
    double uneven = -0.08634636550624877;
    uneven = pb_fma_f64(uneven, square, -0.15698212187176563);
    uneven = pb_fma_f64(uneven, square, -0.179046970327007);
    uneven = pb_fma_f64(uneven, square, -0.24050417300169066);
    uneven = pb_fma_f64(uneven, square, -0.3606728005825831);
    uneven = pb_fma_f64(uneven, square, -0.7213475252127971);
    double even = 0.15485764510735506;
    even = pb_fma_f64(even, square, 0.1590014571830782);
    even = pb_fma_f64(even, square, 0.2060962604949599);
    even = pb_fma_f64(even, square, 0.2885406433784913);
    even = pb_fma_f64(even, square, 0.4808983207325164);
    even = pb_fma_f64(even, square, 1.4426950409393362);
    double log = pb_fma_f64(pb_fma_f64(uneven, f, even), f, exponent);
    float result = (float)pb_exp2_coarse_f64(log * y);
    /* |y| >= 2**24 is even; below 2**23 adding that rounds to an integer, and above it is one. */
    float steps = __builtin_fabsf(y);
    float whole = steps < 8388608.0f ? (steps + 8388608.0f) - 8388608.0f : steps;
    float half = 0.5f * steps;
    float half_whole = half < 8388608.0f ? (half + 8388608.0f) - 8388608.0f : half;
    _Bool integer = whole == steps, odd = integer & (half_whole != half);
    result = size == 1.0f ? 1.0f : result; /* to the power of an infinity too */
    result = odd ? __builtin_copysignf(result, x) : result;
    result = (x < 0.0f) & !integer & (size < __builtin_inff()) ? __builtin_nanf("") : result;
    result = (x != x) | (y != y) ? x + y : result;
    return (x == 1.0f) | (y == 0.0f) ? 1.0f : result;
}

/* pb_power_f64: within 1.0 ulp.
   libm's: no vectors. Compilers must not know it: of a power of 0.5 some make a root in the vectors of
   a loop, and not in its remainder, which differ in the last bit. */
PB_INLINE double pb_power_f64(double x, double y) {
    double (*volatile power)(double, double) = __builtin_pow;
    return power(x, y);
}

/* pb_cbrt_f32: within 1.0 ulp.
   In double precision. */
PB_INLINE float pb_cbrt_f32(float x) {
    return (float)pb_cbrt_f64(x);
}

/* pb_cbrt_f64: within 1.0 ulp.
   A third of the upper half of the bits is a root to 5 %; with r = y**3 / x it is y r**(-1/3), for
   which there is a minimax polynomial of degree 5 on [0.85, 1.15] with an error of 2**-24.5. 21
   bits of that are kept, so that the square is exact, for a step of Halley's method. */
PB_INLINE double pb_cbrt_f64(double x) {
    double size = __builtin_fabs(x);
    double scaled = size < 2.2250738585072014e-308 ? size * 18014398509481984.0 : size;
    double upper = pb_from_bits_f64(pb_bits_f64(scaled) >> 32 | 0x4330000000000000u);
    double third = (upper - 4503599627370496.0) * 0.3333333333333333 + 715094163.0;
    double y = pb_from_bits_f64(pb_bits_f64(third + 4503599627370496.0) << 32);
    double r = y * y * (y / scaled);
    double p = -0.12903644853314925;
    p = pb_fma_f64(p, r, 0.7930434823407739);
    p = pb_fma_f64(p, r, -2.0545986070574234);
    p = pb_fma_f64(p, r, 2.9180890937528465);
    p = pb_fma_f64(p, r, -2.5327075407987167);
    y *= pb_fma_f64(p, r, 2.00521006112794);
    y = pb_from_bits_f64((pb_bits_f64(y) + 0x80000000u) & 0xffffffff00000000u);
    r = scaled / (y * y);
    y = pb_fma_f64(y, (r - y) / (y + y + r), y);
    y *= size < 2.2250738585072014e-308 ? 3.814697265625e-06 : 1.0;
    return (size > 0.0) & (size < __builtin_inf()) ? __builtin_copysign(y, x) : x;
}

/* pb_hypot_f32: within 1.0 ulp.
   In double precision, in which no square is out of range. */
PB_INLINE float pb_hypot_f32(float x, float y) {
    float size = (float)__builtin_sqrt((double)x * x + (double)y * y);
    float infinity = __builtin_inff();
    return (__builtin_fabsf(x) == infinity) | (__builtin_fabsf(y) == infinity) ? infinity : size;
}

/* pb_hypot_f64: within 1.5 ulp.
   Where squares may be out of range, of numbers that are made smaller or larger. */
PB_INLINE double pb_hypot_f64(double x, double y) {
    x = __builtin_fabs(x), y = __builtin_fabs(y);
    double larger = x > y ? x : y;
    double scale = larger > 1e150 ? 0x1p-600 : larger < 1e-140 ? 0x1p600 : 1.0;
    double back = larger > 1e150 ? 0x1p600 : larger < 1e-140 ? 0x1p-600 : 1.0;
    double along = x * scale, up = y * scale;
    double size = __builtin_sqrt(along * along + up * up) * back;
    return (x == __builtin_inf()) | (y == __builtin_inf()) ? __builtin_inf() : size;
}
