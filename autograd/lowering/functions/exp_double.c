/* Exponentials of float64 and what is made of them; read by table.py. */

/* pb_exp_rest_f64: (e**r - 1 - r) / r**2 for |r| <= ln(2) / 2.
   Minimax of degree 10 for the error relative to e**r, which is 2**-60.1. */
PB_INLINE double pb_exp_rest_f64(double r) {
    double q = 2.082654834809258e-09;
    q = pb_fma_f64(q, r, 2.511214446409396e-08);
    q = pb_fma_f64(q, r, 2.755758274949225e-07);
    q = pb_fma_f64(q, r, 2.7557234558828313e-06);
    q = pb_fma_f64(q, r, 2.4801586924670915e-05);
    q = pb_fma_f64(q, r, 0.00019841269896680972);
    q = pb_fma_f64(q, r, 0.001388888888911722);
    q = pb_fma_f64(q, r, 0.008333333333316918);
    q = pb_fma_f64(q, r, 0.04166666666666609);
    q = pb_fma_f64(q, r, 0.16666666666666682);
    return pb_fma_f64(q, r, 0.5);
}

/* pb_exp_scaled_f64: e**(x + d) 2**(k - 2046), for k of 2045 or 2046 and d far below 1.
   As pb_exp_scaled_f32, with 1.5 * 2**52 and 41 bits of ln(2). */
PB_INLINE double pb_exp_scaled_f64(double x, double d, uint64_t k) {
    x = x > 711.0 ? 711.0 : x;
    x = x < -746.0 ? -746.0 : x;
    double shifted = x * 1.4426950408889634 + 6755399441055744.0;
    double n = shifted - 6755399441055744.0;
    double r = pb_fma_f64(n, -0.6931471805601177, x);
    r = pb_fma_f64(n, 1.7239444525614835e-13, r) + d;
    double y = pb_fma_f64(pb_exp_rest_f64(r), r * r, r) + 1.0;
    k += pb_bits_f64(shifted) - 0x4338000000000000u; /* which is n */
    uint64_t half = k >> 1;
    double last = (x > -746.0 ? 1.0 : 0.0) * pb_from_bits_f64((k - half) << 52);
    return y * pb_from_bits_f64(half << 52) * last;
}

/* pb_exp_f64: within 1.1 ulp. */
PB_INLINE double pb_exp_f64(double x) {
    return pb_exp_scaled_f64(x, 0.0, 2046u);
}

/* pb_exp_near_f64: within 1.1 ulp for x from -708 to 709.
   There 2**n is one factor. */
PB_INLINE double pb_exp_near_f64(double x) {
    double shifted = x * 1.4426950408889634 + 6755399441055744.0;
    double n = shifted - 6755399441055744.0;
    double r = pb_fma_f64(n, -0.6931471805601177, x);
    r = pb_fma_f64(n, 1.7239444525614835e-13, r);
    double y = pb_fma_f64(pb_exp_rest_f64(r), r * r, r) + 1.0;
    return y * pb_from_bits_f64((pb_bits_f64(shifted) + 1023u) << 52);
}

/* pb_exp2_f64: within 1.1 ulp.
   As pb_exp2_f32, with q of degree 11, whose error is 2**-55.6. */
PB_INLINE double pb_exp2_f64(double x) {
    x = x > 1025.0 ? 1025.0 : x;
    x = x < -1076.0 ? -1076.0 : x;
    double shifted = x + 6755399441055744.0;
    double r = x - (shifted - 6755399441055744.0);
    double q = 2.5855276422141982e-11;
    q = pb_fma_f64(q, r, 4.4572392928663114e-10);
    q = pb_fma_f64(q, r, 7.054814808203157e-09);
    q = pb_fma_f64(q, r, 1.0178047531328546e-07);
    q = pb_fma_f64(q, r, 1.3215487003487834e-06);
    q = pb_fma_f64(q, r, 1.5252733864844704e-05);
    q = pb_fma_f64(q, r, 0.00015403530393171732);
    q = pb_fma_f64(q, r, 0.0013333558146381738);
    q = pb_fma_f64(q, r, 0.009618129107628562);
    q = pb_fma_f64(q, r, 0.055504108664821736);
    q = pb_fma_f64(q, r, 0.24022650695910072);
    q = pb_fma_f64(q, r, 0.6931471805599453);
    double y = pb_fma_f64(q, r, 1.0);
    uint64_t k = pb_bits_f64(shifted) - (0x4338000000000000u - 2046u);
    uint64_t half = k >> 1;
    return y * pb_from_bits_f64(half << 52) * pb_from_bits_f64((k - half) << 52);
}

/* pb_expm1_f64: within 2.0 ulp.
   As pb_expm1_f32. */
PB_INLINE double pb_expm1_f64(double x) {
    double bounded = x > 710.0 ? 710.0 : x;
    bounded = bounded < -40.0 ? -40.0 : bounded;
    double shifted = bounded * 1.4426950408889634 + 6755399441055744.0;
    double n = shifted - 6755399441055744.0;
    double r = pb_fma_f64(n, -0.6931471805601177, bounded);
    r = pb_fma_f64(n, 1.7239444525614835e-13, r);
    double p = pb_fma_f64(pb_exp_rest_f64(r), r * r, r);
    double scale = pb_from_bits_f64((pb_bits_f64(shifted) + 1022u) << 52);
    double y = 2.0 * pb_fma_f64(scale, p, scale - 0.5);
    return __builtin_fabs(x) < 5.551115123125783e-17 ? x : y;
}

/* pb_sinh_f64: within 2.0 ulp.
   As pb_sinh_f32, with q of degree 7, whose error is 2**-56.8. */
PB_INLINE double pb_sinh_f64(double x) {
    double size = __builtin_fabs(x);
    double square = x * x;
    double q = 2.8482326707010063e-15;
    q = pb_fma_f64(q, square, 7.646482909470463e-13);
    q = pb_fma_f64(q, square, 1.6059050601036587e-10);
    q = pb_fma_f64(q, square, 2.5052108346510908e-08);
    q = pb_fma_f64(q, square, 2.755731922411628e-06);
    q = pb_fma_f64(q, square, 0.000198412698412696);
    q = pb_fma_f64(q, square, 0.008333333333333333);
    q = pb_fma_f64(q, square, 0.16666666666666666);
    double small = pb_fma_f64(q * square, size, size);
    double half = pb_exp_scaled_f64(size, 0.0, 2045u);
    return __builtin_copysign(size < 1.0 ? small : half - 0.25 / half, x);
}

/* pb_cosh_f64: within 1.5 ulp.
   As pb_cosh_f32. */
PB_INLINE double pb_cosh_f64(double x) {
    double half = pb_exp_scaled_f64(__builtin_fabs(x), 0.0, 2045u);
    return half + 0.25 / half;
}

/* pb_tanh_f64: within 1.5 ulp.
   Below 0.6 x + x**3 q(x**2), with q minimax of degree 10 for the error relative to tanh(x), which
   is 2**-56.5. Above it 1 - 2 / (e**(2 |x|) + 1), which is 1 beyond 20. */
PB_INLINE double pb_tanh_f64(double x) {
    double size = __builtin_fabs(x);
    double square = x * x;
    double q = -1.7178731895272195e-05;
    q = pb_fma_f64(q, square, 7.931395909551104e-05);
    q = pb_fma_f64(q, square, -0.00023039681308511875);
    q = pb_fma_f64(q, square, 0.0005871884032717423);
    q = pb_fma_f64(q, square, -0.0014552153609595048);
    q = pb_fma_f64(q, square, 0.003592037378565906);
    q = pb_fma_f64(q, square, -0.008863226777317301);
    q = pb_fma_f64(q, square, 0.02186948800254872);
    q = pb_fma_f64(q, square, -0.053968253949294935);
    q = pb_fma_f64(q, square, 0.1333333333329966);
    q = pb_fma_f64(q, square, -0.33333333333333126);
    double small = pb_fma_f64(q * square, size, size);
    double bounded = size > 20.0 ? 20.0 : size;
    double large = 1.0 - 2.0 / (pb_exp_near_f64(bounded + bounded) + 1.0);
    return __builtin_copysign(size < 0.6 ? small : large, x);
}

/* pb_expit_f64: within 2.5 ulp.
   As pb_expit_f32. */
PB_INLINE double pb_expit_f64(double x) {
    double e = pb_exp_f64(-__builtin_fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* pb_expit_slope_f64: within 3.0 ulp.
   As pb_expit_slope_f32. */
PB_INLINE double pb_expit_slope_f64(double x) {
    double e = pb_exp_f64(-__builtin_fabs(x));
    double p = e / (1.0 + e);
    return pb_fma_f64(-p, p, p);
}

/* pb_erf_small_f64: erf(x) for 0 <= x <= 1.
   x + x q(x**2), with q minimax of degree 12 for the error relative to erf(x), which is
   2**-56.3. */
PB_INLINE double pb_erf_small_f64(double x) {
    double square = x * x;
    double q = 5.945269923530566e-11;
    q = pb_fma_f64(q, square, -1.1365670866462975e-09);
    q = pb_fma_f64(q, square, 1.46578811346355e-08);
    q = pb_fma_f64(q, square, -1.6350025419095693e-07);
    q = pb_fma_f64(q, square, 1.646097283603795e-06);
    q = pb_fma_f64(q, square, -1.4925593508110214e-05);
    q = pb_fma_f64(q, square, 0.00012055331036951989);
    q = pb_fma_f64(q, square, -0.0008548326978743687);
    q = pb_fma_f64(q, square, 0.005223977624780893);
    q = pb_fma_f64(q, square, -0.026866170645072896);
    q = pb_fma_f64(q, square, 0.11283791670954857);
    q = pb_fma_f64(q, square, -0.3761263890318375);
    q = pb_fma_f64(q, square, 0.1283791670955126);
    return pb_fma_f64(q, x, x);
}

/* pb_erf_f64: within 1.5 ulp.
   Above 1 it is 1 - e**p(|x|), with p minimax on [1, 6] of degree 17 for the error of that relative
   to erf(x), which is 2**-56.3. Beyond 6 it is 1. */
PB_INLINE double pb_erf_f64(double x) {
    double size = __builtin_fabs(x);
    double bounded = size > 6.0 ? 6.0 : size;
    double p = -4.9288233339484426e-12;
    p = pb_fma_f64(p, bounded, 2.0450415680942654e-10);
    p = pb_fma_f64(p, bounded, -3.934404058544875e-09);
    p = pb_fma_f64(p, bounded, 4.6424519331007336e-08);
    p = pb_fma_f64(p, bounded, -3.733155809037499e-07);
    p = pb_fma_f64(p, bounded, 2.135749123083361e-06);
    p = pb_fma_f64(p, bounded, -8.667468063737678e-06);
    p = pb_fma_f64(p, bounded, 2.282349516262291e-05);
    p = pb_fma_f64(p, bounded, -2.0269195502995254e-05);
    p = pb_fma_f64(p, bounded, -0.00013504528290969877);
    p = pb_fma_f64(p, bounded, 0.0007706352231106768);
    p = pb_fma_f64(p, bounded, -0.001915933621005464);
    p = pb_fma_f64(p, bounded, 0.00041061887102952674);
    p = pb_fma_f64(p, bounded, 0.018990185135247896);
    p = pb_fma_f64(p, bounded, -0.10270344268338824);
    p = pb_fma_f64(p, bounded, -0.6366436269962489);
    p = pb_fma_f64(p, bounded, -1.1283740897065282);
    p = pb_fma_f64(p, bounded, -5.028273845588189e-07);
    double large = 1.0 - pb_exp_near_f64(p);
    return __builtin_copysign(size < 1.0 ? pb_erf_small_f64(size) : large, x);
}

/* pb_erfc_f64: within 3.5 ulp.
   From a = |x| of 1/2 to 28 it is e**-a**2 q(t) / (1 + 2 a) with t = (a - 2.5) / (a + 2.5), and 2
   less that below 0; the form is that of M. M. Shepherd and J. G. Laframboise (1981), "Chebyshev
   approximation of (1 + 2 x) exp(x**2) erfc(x) in 0 <= x < infinity", Mathematics of Computation
   36, 249-253. q is minimax of degree 21, with a relative error of 2**-55.4.
   a**2 = h**2 + (a - h) (a + h), where h has 26 bits, so that its square is exact. */
PB_INLINE double pb_erfc_f64(double x) {
    double size = __builtin_fabs(x);
    double a = size > 28.0 ? 28.0 : size;
    double t = (a - 2.5) / (a + 2.5);
    double q = 2.3450620710188644e-08;
    q = pb_fma_f64(q, t, -1.0733407545842291e-07);
    q = pb_fma_f64(q, t, -8.5734815876077e-08);
    q = pb_fma_f64(q, t, 5.45105023532691e-07);
    q = pb_fma_f64(q, t, 6.354797836254211e-07);
    q = pb_fma_f64(q, t, -1.6130367728802994e-06);
    q = pb_fma_f64(q, t, -4.275604942983188e-06);
    q = pb_fma_f64(q, t, 2.6281911316868783e-06);
    q = pb_fma_f64(q, t, 2.2718916334184473e-05);
    q = pb_fma_f64(q, t, 6.258908355804848e-06);
    q = pb_fma_f64(q, t, -0.00011352650240633593);
    q = pb_fma_f64(q, t, -8.84776863263284e-05);
    q = pb_fma_f64(q, t, 0.0006321249071023218);
    q = pb_fma_f64(q, t, 0.0004918656113821017);
    q = pb_fma_f64(q, t, -0.00438207838765882);
    q = pb_fma_f64(q, t, 0.0009318928321854935);
    q = pb_fma_f64(q, t, 0.03276089327088141);
    q = pb_fma_f64(q, t, -0.10296705603912303);
    q = pb_fma_f64(q, t, 0.15762991902316953);
    q = pb_fma_f64(q, t, -0.09902453957359393);
    q = pb_fma_f64(q, t, -0.12235676308240398);
    q = pb_fma_f64(q, t, 1.2648381843668615);
    double h = pb_from_bits_f64(pb_bits_f64(a) & 0xfffffffff8000000u);
    double y = pb_exp_scaled_f64(-h * h, (h - a) * (a + h), 2046u) * (q / (1.0 + 2.0 * a));
    y = x < 0.0 ? 2.0 - y : y;
    return size < 0.5 ? 1.0 - __builtin_copysign(pb_erf_small_f64(size), x) : y;
}
