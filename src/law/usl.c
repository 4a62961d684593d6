/* SPDX-License-Identifier: Apache-2.0 */
#include "law/usl.h"

#include <math.h>

double usl_throughput(const struct usl *usl, double workers)
{
    return usl->gamma * workers / (1 + usl->sigma * (workers - 1) + usl->kappa * workers * (workers - 1));
}

double usl_response(const struct usl *usl, double workers)
{
    return (1 + usl->sigma * (workers - 1) + usl->kappa * workers * (workers - 1)) / usl->gamma;
}

/* kappa N^2 + (sigma - kappa) N + 1 - sigma - gamma R = 0, whose constant is below 0 for R above R(0): one root above 0. */
double usl_workers_of_response(const struct usl *usl, double response)
{
    double slope = usl->sigma - usl->kappa, constant = 1 - usl->sigma - usl->gamma * response;
    if (!(response >= usl_response(usl, 1)) || (usl->kappa <= 0 && slope <= 0))
        return NAN;
    double square = sqrt(slope * slope - 4 * usl->kappa * constant);
    /* (-slope + square) / (2 kappa), or the same with the cancelling part multiplied out. */
    return slope > 0 ? -2 * constant / (slope + square) : (square - slope) / (2 * usl->kappa);
}

/* kappa N^2 + (sigma - kappa - gamma / X) N + 1 - sigma = 0: before the peak it is the smaller root. */
double usl_workers_of_throughput(const struct usl *usl, double throughput)
{
    if (!(throughput > 0))
        return NAN;
    double slope = usl->sigma - usl->kappa - usl->gamma / throughput;
    double constant = 1 - usl->sigma, square = slope * slope - 4 * usl->kappa * constant;
    /* (-slope - sqrt(square)) / (2 kappa), multiplied out so that nothing cancels and kappa may be 0. */
    return slope < 0 && square >= 0 ? 2 * constant / (sqrt(square) - slope) : NAN;
}

double usl_throughput_of_response(const struct usl *usl, double response)
{
    return usl_workers_of_response(usl, response) / response;
}

double usl_peak(const struct usl *usl)
{
    if (usl->kappa <= 0)
        return INFINITY;
    return fmax(1, sqrt(fmax(0, 1 - usl->sigma) / usl->kappa));
}

struct usl usl_of(const struct usl_fit *fit)
{
    return (struct usl){fit->gamma.value, fit->sigma.value, fit->kappa.value};
}
