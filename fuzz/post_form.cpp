// Forms of browser uploads and their policies: what is read does not depend on how the bytes arrive, a file is given out whole or its end is an
// error, and a policy that the fuzzer made up lets nothing through that its own conditions do not name.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "dripping_body.hpp"
#include "text/time.hpp"
#include "wire/post_object.hpp"
#include "wire/post_policy.hpp"

namespace {

struct Outcome {
    std::string code, content;
    size_t fields = 0;
};

Outcome read(std::string_view body, size_t step) {
    static const auto now = *text::parse_amz_date("20260131T120000Z");
    http::RequestHead head{.method = "POST", .path = "/bucket", .query = "", .headers = {}};
    head.headers.add("Host", "h");
    head.headers.add("Content-Type", "multipart/form-data; boundary=b");
    head.headers.add("x-amz-meta-of-http", "1");
    Dripping source(body, step);
    const auto form = wire::PostForm::read(head, source);
    if (!form) return {form.error().code, "", 0};
    Outcome out{"", "", (*form)->fields().size()};
    INVARIANT(out.fields <= wire::form_fields_max);
    const auto signature = wire::read_form_signature(**form);
    if (signature && signature->has_value()) {
        // Nobody knows the secret.
        INVARIANT(!wire::verify_form(**signature, **form, {.secret_access_key = "secret", .service = "s3", .now = now}));
        if (const auto size = wire::check_form_policy(**form, "bucket", "key", now))
            (*form)->set_size_range(size->least, size->most);
    }
    wire::S3Request request{.operation = "PostObject", .bucket = "bucket", .key = "", .query = {}};
    if (wire::take_form(**form, head, request)) {
        INVARIANT(request.bucket == "bucket" && head.headers.find("x-amz-meta-of-http") == nullptr);
        for (const auto& [name, value] : head.headers.fields())
            INVARIANT(std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
    }
    std::array<char, 512> buffer;
    while (true) {
        const auto got = (*form)->file().read(buffer);
        if (!got) {
            out.code = got.error().code;
            return out;
        }
        if (*got == 0) return out;
        out.content.append(buffer.data(), *got);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto whole = read(body, body.size() + 1), dripped = read(body, 1);
    INVARIANT(whole.code == dripped.code && whole.fields == dripped.fields);
    INVARIANT(!whole.code.empty() || whole.content == dripped.content);
    return 0;
}
