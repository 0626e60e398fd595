// What went wrong, in words that travel to the user unchanged.
//
// `code` is AWS's own error code where AWS has one (`NoSuchEntity`, `AccessDenied`, `MalformedPolicyDocument`):
// the rooms speak AWS's vocabulary, and `wire/errors.cpp` alone maps a code to its HTTP status.
// `message` is what the client sees. `notes` say where and what to do (position, remedy); clients that
// understand only AWS's shape never see them, the command line prints them on lines of their own.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace base {

struct Error {
    std::string code;
    std::string message;
    std::vector<std::string> notes;

    Error(std::string code_in, std::string message_in) : code(std::move(code_in)), message(std::move(message_in)) {}

    // Returns the same error with one more note; used as `return fail(...).note(...)`.
    Error&& note(std::string text) && {
        notes.push_back(std::move(text));
        return std::move(*this);
    }
    // `code: message`, then a line per note; for logs and the command line.
    [[nodiscard]] std::string describe() const;
};

}  // namespace base
