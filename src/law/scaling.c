/* SPDX-License-Identifier: Apache-2.0 */
#include "law/scaling.h"

#include <math.h>

double amdahl_speedup(double serial_ratio, double workers)
{
    return 1 / (serial_ratio + (1 - serial_ratio) / workers);
}

double amdahl_limit(double serial_ratio)
{
    return serial_ratio > 0 ? 1 / serial_ratio : INFINITY;
}

double amdahl_serial_ratio(double speedup, double workers)
{
    return workers > 1 ? (1 / speedup - 1 / workers) / (1 - 1 / workers) : 0;
}

double amdahl_workers(double serial_ratio, double part)
{
    return serial_ratio > 0 ? part * (1 - serial_ratio) / (serial_ratio * (1 - part)) : INFINITY;
}

double gustafson_speedup(double serial_ratio, double workers)
{
    return serial_ratio + (1 - serial_ratio) * workers;
}
