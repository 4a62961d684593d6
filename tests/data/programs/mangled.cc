// SPDX-License-Identifier: Apache-2.0
// What resolver_test looks at: namespaces, templates and methods. Built with -O2 -g.
#include <cstdio>
#include <vector>

namespace market
{
template <typename Number> class Parser
{
  public:
    __attribute__((noinline)) Number parse(const char *text)
    {
        Number value = 0;
        while (*text >= '0' && *text <= '9')
            value = step(value, *text++);
        return value;
    }

  private:
    static inline __attribute__((always_inline)) Number step(Number value, char digit)
    {
        return value * 10 + static_cast<Number>(digit - '0');
    }
};

__attribute__((noinline)) static long total(const std::vector<long> &values)
{
    long sum = 0;
    for (long value : values)
        sum += value;
    return sum;
}
} // namespace market

int main(int argc, char **argv)
{
    market::Parser<long> parser;
    std::vector<long> values;
    for (int i = 0; i < argc; i++)
        values.push_back(parser.parse(argv[i]));
    std::printf("%ld\n", market::total(values));
    return 0;
}
