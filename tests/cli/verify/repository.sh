# Leaves the shell in a repository whose second commit makes ./spin spin twice as long.
mkdir repository && cd repository && git init -q -b master . || exit 1
git config user.email toll@example.org && git config user.name toll
cat > spin.c <<'C'
#include <stdint.h>
int main(void)
{
    volatile uint64_t sum = 0;
    for (uint64_t i = 0; i < TURNS; i++)
        sum += i;
    return 0;
}
C
printf 'spin: spin.c\n\tcc -O1 -DTURNS=5000000 -o spin spin.c\n' > Makefile
printf 'spin\nlog\nout\nstatus_before\n' > .gitignore
git add -A && git commit -qm 'spin' && sed -i s/TURNS=5/TURNS=60/ Makefile && git commit -qam 'spin longer' || exit 1
