/* Logarithms of float64 and what is made of them; read by table.py. */

/* pb_exponent_f64: n of x = 2**n (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for finite x > 0. */
PB_INLINE double pb_exponent_f64(double x) {
    double scaled = x < 2.2250738585072014e-308 ? x * 4503599627370496.0 : x;
    uint64_t k = pb_bits_f64(scaled) - 0x3fe6a09e667f3bcdu + 0x3ff0000000000000u;
    /* k >> 52 is n + 1023, and as the lowest bits of 2**52 a number. */
    double n = pb_from_bits_f64((k >> 52) | 0x4330000000000000u) - 4503599627371519.0;
    return n + (x < 2.2250738585072014e-308 ? -52.0 : 0.0);
}

/* pb_fraction_f64: the f of pb_exponent_f64. */
PB_INLINE double pb_fraction_f64(double x) {
    double scaled = x < 2.2250738585072014e-308 ? x * 4503599627370496.0 : x;
    uint64_t k = pb_bits_f64(scaled) - 0x3fe6a09e667f3bcdu;
    return pb_from_bits_f64((k & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0;
}

/* pb_log_rest_f64: log(1 + f) - f + f**2 / 2.
   With s = f / (2 + f), log(1 + f) = 2 artanh(s) = 2 s + s**3 q(s**2), and 2 s = f - s f =
   f - f**2 / 2 + s f**2 / 2. q is minimax of degree 6 for the error relative to the logarithm,
   which is 2**-59.3. */
PB_INLINE double pb_log_rest_f64(double f) {
    double s = f / (2.0 + f), square = s * s;
    double q = 0.14795466709396296;
    q = pb_fma_f64(q, square, 0.1531409967807175);
    q = pb_fma_f64(q, square, 0.18183562372331177);
    q = pb_fma_f64(q, square, 0.2222219861141104);
    q = pb_fma_f64(q, square, 0.28571428742009447);
    q = pb_fma_f64(q, square, 0.39999999999416397);
    q = pb_fma_f64(q, square, 0.6666666666666734);
    return s * pb_fma_f64(q, square, 0.5 * f * f);
}

/* pb_log_sum_f64: n ln(2) + log(1 + f), for what pb_exponent_f64 and pb_fraction_f64 are.
   41 bits of ln(2) times n are exact. */
PB_INLINE double pb_log_sum_f64(double n, double f) {
    double y = pb_fma_f64(n, -1.7239444525614835e-13, pb_log_rest_f64(f));
    y = f + (y - 0.5 * f * f);
    return pb_fma_f64(n, 0.6931471805601177, y);
}

/* pb_log_edges_f64: y, but what a logarithm is of numbers that are not finite and above 0. */
PB_INLINE double pb_log_edges_f64(double x, double y) {
    double outside = x == 0.0 ? -__builtin_inf() : x < 0.0 ? __builtin_nan("") : x;
    return (x > 0.0) & (x < __builtin_inf()) ? y : outside;
}

/* pb_log_f64: within 1.0 ulp. */
PB_INLINE double pb_log_f64(double x) {
    return pb_log_edges_f64(x, pb_log_sum_f64(pb_exponent_f64(x), pb_fraction_f64(x)));
}

/* pb_log_high_f64: log(1 + f) to 21 bits, f - f**2 / 2 cut off. */
PB_INLINE double pb_log_high_f64(double f) {
    return pb_from_bits_f64(pb_bits_f64(f - 0.5 * f * f) & 0xffffffff00000000u);
}

/* pb_log_low_f64: what pb_log_high_f64 leaves of log(1 + f). */
PB_INLINE double pb_log_low_f64(double f) {
    return ((f - pb_log_high_f64(f)) - 0.5 * f * f) + pb_log_rest_f64(f);
}

/* pb_log2_f64: within 1.0 ulp.
   The first 32 bits of 1 / ln(2) times the first 21 of log(1 + f) are exact, and the sum of that
   and n is kept with its rounding. */
PB_INLINE double pb_log2_f64(double x) {
    double n = pb_exponent_f64(x), f = pb_fraction_f64(x);
    double high = pb_log_high_f64(f), low = pb_log_low_f64(f);
    double first = high * 1.4426950407214463;
    double rest = pb_fma_f64(high, 1.6751713164886512e-10, low * 1.4426950408889634);
    double sum = n + first;
    return pb_log_edges_f64(x, sum + (((n - sum) + first) + rest));
}

/* pb_log10_f64: within 1.0 ulp.
   As pb_log2_f64, with 32 bits of log10(e), and 41 of log10(2). */
PB_INLINE double pb_log10_f64(double x) {
    double n = pb_exponent_f64(x), f = pb_fraction_f64(x);
    double high = pb_log_high_f64(f), low = pb_log_low_f64(f);
    double first = high * 0.4342944818781689;
    double rest = pb_fma_f64(high, 2.5082946711645275e-11, low * 0.4342944819032518);
    rest = pb_fma_f64(n, -8.532344317057107e-14, rest);
    double twos = n * 0.3010299956640665, sum = twos + first;
    return pb_log_edges_f64(x, sum + (((twos - sum) + first) + rest));
}

/* pb_log1p_f64: within 1.5 ulp.
   As pb_log1p_f32. */
PB_INLINE double pb_log1p_f64(double x) {
    double sum = 1.0 + x;
    double n = pb_exponent_f64(sum);
    double s = pb_from_bits_f64((pb_bits_f64(6755399441055744.0 - n) + 1023u) << 52);
    double f = x < 1e18 ? pb_fma_f64(x, s, s - 1.0) : pb_fraction_f64(sum);
    double y = pb_log_edges_f64(sum, pb_log_sum_f64(n, f));
    return __builtin_fabs(x) < 5.551115123125783e-17 ? x : y;
}

/* pb_log1p_to_1_f64: y + log(1 + x) for 0 <= x <= 1.
   As pb_log_rest_f64, with q minimax of degree 9 for s up to 1/3, whose error is
   2**-58.6. */
PB_INLINE double pb_log1p_to_1_f64(double x, double y) {
    double s = x / (2.0 + x), square = s * s, half = 0.5 * x * x;
    double q = 0.1700975472911938;
    q = pb_fma_f64(q, square, 0.08344972386090915);
    q = pb_fma_f64(q, square, 0.12104944691138594);
    q = pb_fma_f64(q, square, 0.13301121415503436);
    q = pb_fma_f64(q, square, 0.1538654838818285);
    q = pb_fma_f64(q, square, 0.18181744479444198);
    q = pb_fma_f64(q, square, 0.22222223953627726);
    q = pb_fma_f64(q, square, 0.2857142854811854);
    q = pb_fma_f64(q, square, 0.4000000000015511);
    q = pb_fma_f64(q, square, 0.6666666666666631);
    return x + (y - (half - s * pb_fma_f64(q, square, half)));
}

/* pb_softplus_f64: within 2.0 ulp.
   As pb_softplus_f32. */
PB_INLINE double pb_softplus_f64(double x) {
    double positive = x < 0.0 ? 0.0 : x;
    return pb_log1p_to_1_f64(pb_exp_f64(-__builtin_fabs(x)), positive);
}

/* pb_logaddexp_f64: within 2.5 ulp of the largest of |x|, |y| and the result.
   The larger + log1p(e**-|x - y|), where the difference of equal infinities is 0. */
PB_INLINE double pb_logaddexp_f64(double x, double y) {
    double larger = x > y ? x : y;
    double apart = x == y ? 0.0 : __builtin_fabs(x - y);
    return pb_log1p_to_1_f64(pb_exp_f64(-apart), larger);
}

/* pb_logaddexp2_f64: within 2.5 ulp of the largest of |x|, |y| and the result.
   The larger + log1p(2**-|x - y|) / ln(2). */
PB_INLINE double pb_logaddexp2_f64(double x, double y) {
    double larger = x > y ? x : y;
    double apart = x == y ? 0.0 : __builtin_fabs(x - y);
    double log = pb_log1p_to_1_f64(pb_exp2_f64(-apart), 0.0);
    return x == y ? x + 1.0 : pb_fma_f64(log, 1.4426950408889634, larger);
}

/* pb_xlogy_f64: within 2.0 ulp. */
PB_INLINE double pb_xlogy_f64(double x, double y) {
    return (x == 0.0) & (y == y) ? 0.0 : x * pb_log_f64(y);
}

/* pb_logit_f64: within 3.0 ulp.
   log(x / (1 - x)); from 1/4 to 3/4, where it has its 0, log1p((2 x - 1) / (1 - x)). */
PB_INLINE double pb_logit_f64(double x) {
    _Bool middle = (x >= 0.25) & (x <= 0.75);
    double odds = (middle ? 2.0 * x - 1.0 : x) / (1.0 - x);
    return middle ? pb_log1p_f64(odds) : pb_log_f64(odds);
}

/* pb_arcsinh_f64: within 2.5 ulp.
   log1p(a + a**2 / (1 + sqrt(1 + a**2))) of a = |x|, and log(a) + ln(2) far out. */
PB_INLINE double pb_arcsinh_f64(double x) {
    double a = __builtin_fabs(x), square = a * a;
    double sum = a + square / (1.0 + __builtin_sqrt(1.0 + square));
    _Bool far = a > 1e17;
    double y = pb_log1p_f64(far ? a : sum) + (far ? 0.6931471805599453 : 0.0);
    return __builtin_copysign(y, x);
}

/* pb_arccosh_f64: within 2.5 ulp.
   With t = x - 1 log1p(t + sqrt(t (t + 2))), and log(x) + ln(2) far out. */
PB_INLINE double pb_arccosh_f64(double x) {
    double t = x - 1.0;
    _Bool far = x > 1e17;
    double sum = t + __builtin_sqrt(t * (t + 2.0));
    double y = pb_log1p_f64(far ? x : sum) + (far ? 0.6931471805599453 : 0.0);
    return x < 1.0 ? __builtin_nan("") : y;
}

/* pb_arctanh_f64: within 2.5 ulp.
   log1p(2 a / (1 - a)) / 2 of a = |x|. */
PB_INLINE double pb_arctanh_f64(double x) {
    double a = __builtin_fabs(x);
    return __builtin_copysign(0.5 * pb_log1p_f64((a + a) / (1.0 - a)), x);
}
