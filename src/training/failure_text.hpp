// What a worker's output says about why it failed: the text that belongs in ErrorMessage of a FailureReason.
//
// The last line is that for a script that runs alone. Under mpirun and torchrun it is the launcher's: what counts is what the
// process said that failed first, or the signal that ended it. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "training/script_launcher.hpp"

namespace training {

class FailureText {
public:
    explicit FailureText(Launcher launcher) : launcher_(launcher) {}
    void line(std::string_view text);
    // Empty: nothing was said.
    [[nodiscard]] std::string best() const;

private:
    // What one process writes to one of its streams. mpirun names both; torchrun mixes them: all is one.
    struct Stream {
        std::string begun;      // a line without its end yet
        std::string last;       // the last whole line that is not empty
        std::string exception;  // the message of the exception that counts, all its lines
        bool in_traceback = false;
        bool in_message = false;
        bool chained = false;  // the next traceback tells more about the exception before
    };
    void tagged(std::string_view text);
    void launchers(std::string_view text);
    void whole_line(Stream& stream, std::string_view text);
    [[nodiscard]] Stream& stream_of(const std::string& name);
    [[nodiscard]] std::string of_failed_rank() const;

    Launcher launcher_;
    bool launcher_speaks_ = false;                        // torchrun's report has begun
    std::map<std::string, Stream, std::less<>> streams_;  // by `RANK<stderr>`, or "" for all
    std::string first_raised_;                            // the first stream with an exception
    std::string last_;                                    // the last line of any of them
    std::string failed_rank_;                             // as the launcher says
    std::string exit_code_;                               // of that
    std::string signal_;                                  // that ended it
    std::string launcher_text_;                           // what the launcher said by itself
};

}  // namespace training
