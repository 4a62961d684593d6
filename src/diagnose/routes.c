/* SPDX-License-Identifier: Apache-2.0 */
/* Where the runtime's own profiler sees more than toll's recorder does. The first row that fits is taken. */
#include "diagnose/next_step.h"

#define INTERPRETER_WHY "sees the program's own functions, where toll's samples end at the interpreter"

const struct route routes[] = {
    {.advice = ADVICE_CPU,
     .target = TARGET_PROCESS,
     .languages = "Python",
     .profiler = "py-spy",
     .command = "py-spy record --nonblocking --duration 30 --format raw --output /tmp/toll-{PID}.folded "
                "--pid {PID} && "
                "toll diagnose /tmp/toll-{PID}.folded",
     .why = "py-spy " INTERPRETER_WHY ", from outside and without pausing it"},
    {.advice = ADVICE_CPU,
     .target = TARGET_PROCESS,
     .languages = "Java|Kotlin|Scala",
     .profiler = "JFR",
     .command =
         "jcmd {PID} JFR.start name=toll settings=profile && sleep 30 && "
         "jcmd {PID} JFR.stop name=toll filename=/tmp/toll-{PID}.jfr && toll diagnose /tmp/toll-{PID}.jfr",
     .why = "the JVM's flight recorder knows its compiled methods, for about 1 %"},
    {.advice = ADVICE_CPU,
     .target = TARGET_FOLDER,
     .languages = "Python",
     .profiler = "cProfile",
     .starts = "python3 ",
     .command = "toll run --profiler cprofile -- {COMMAND}",
     .why = "cProfile " INTERPRETER_WHY},
    {.advice = ADVICE_CPU,
     .target = TARGET_FOLDER,
     .languages = "JavaScript|TypeScript",
     .profiler = "node --cpu-prof",
     .starts = "node ",
     .command = "toll run --profiler node -- {COMMAND}",
     .why = "Node's own profiler " INTERPRETER_WHY},
    {.advice = ADVICE_CPU,
     .target = TARGET_FOLDER,
     .languages = "Java|Kotlin|Scala",
     .profiler = "JFR",
     .starts = "java ",
     .command = "toll run --profiler jfr -- {COMMAND}",
     .why = "the JVM's flight recorder knows its compiled methods"},
    {.advice = ADVICE_CPU,
     .target = TARGET_FOLDER,
     .languages = "Go",
     .profiler = "go tool pprof",
     .starts = "go test",
     .command = "toll run --profiler go-pprof -- {COMMAND}",
     .why = "pprof leaves the compiler out, which go test starts first"},
    {.advice = ADVICE_MEMORY,
     .target = TARGET_FOLDER,
     .languages = "C|C++|Rust",
     .profiler = "heaptrack",
     .command = "toll run --profiler heaptrack -- {COMMAND}",
     .why = "heaptrack tells who holds the memory at its peak"},
};
const size_t route_count = sizeof routes / sizeof routes[0];
