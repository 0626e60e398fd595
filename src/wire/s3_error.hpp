// What an error of S3 has beside its code and message: the bucket that does not exist, the key, the condition that failed.
//
// A room that knows such a value adds it to the error as a note `Member: value`. What the request itself says (its bucket, key, upload,
// method and range) need not be added: it is read from the request.
//
// Source: answers of Amazon S3 as its documents, SDKs' test suites and public issue threads show them.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.hpp"

namespace wire {

struct S3ErrorMembers {
    std::vector<std::pair<std::string, std::string>> members;  // in AWS's order
    std::vector<std::string> notes;                            // those that are no members of this error
};

// Pure.
[[nodiscard]] S3ErrorMembers s3_error_members(std::string_view code, const std::vector<std::string>& notes,
                                              const http::RequestHead& head);

// Those of an error's notes that are headers of its answer, taken out of them.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> take_s3_error_headers(std::vector<std::string>& notes);

}  // namespace wire
