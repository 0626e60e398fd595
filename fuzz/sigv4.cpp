// Credentials of requests: whatever the input, reading them ends, and nothing that was not signed with the secret verifies.
// Input: method, path, query, then header lines `name: value`, each on its own line.
#include "wire/sigv4.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "text/time.hpp"
#include "wire/route.hpp"

namespace {

const std::vector<std::string> served_regions{"us-east-1"};

http::RequestHead parse(std::string_view input) {
    http::RequestHead head{.method = "GET", .path = "/", .query = "", .headers = {}};
    size_t line_number = 0;
    for (const auto line : base::split(input, '\n')) {
        switch (line_number++) {
            case 0:
                head.method = line;
                break;
            case 1:
                head.path = "/" + std::string(line);
                break;
            case 2:
                head.query = line;
                break;
            default:
                if (const auto colon = line.find(':'); colon != std::string_view::npos)
                    head.headers.add(std::string(line.substr(0, colon)), std::string(base::trim(line.substr(colon + 1))));
        }
    }
    return head;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    auto head = parse({reinterpret_cast<const char*>(data), size});
    const auto signature = wire::read_signature(head);
    if (!signature) {
        INVARIANT(!signature.error().code.empty());
        return 0;
    }
    (void)wire::find_service_name(head, *signature);
    if (signature->has_value()) {
        const auto& claimed = **signature;
        INVARIANT(claimed.signature.size() == 64 && !claimed.access_key_id.empty() && claimed.scope.date.size() == 8);
        for (const auto* service : {"s3", "iam"})
            INVARIANT(!wire::verify(claimed, head,
                                    {.secret_access_key = "the fuzzer cannot know this",
                                     .service = service,
                                     .now = claimed.time,
                                     .body_sha256 = "x",
                                     .regions = served_regions}));
    }
    // Signed by us, whatever else it holds, it verifies; with one more bit it does not.
    http::Headers headers;
    headers.add("Host", "h");
    for (const auto& [name, value] : head.headers.fields()) {
        const auto lower = base::lower(name);
        if (lower != "host" && lower != "authorization" && lower != "date" && !lower.starts_with("x-amz-") &&
            lower.find_first_of(" ;,:=\t\r") == std::string::npos && !lower.empty())
            headers.add(name, value);
    }
    head.headers = headers;
    head.query.clear();
    const auto now = *text::parse_amz_date("20260131T120000Z");
    wire::sign(head, {"AKID", "secret", "token"}, "us-east-1", "s3", now, "UNSIGNED-PAYLOAD");
    const auto own = wire::read_signature(head);
    if (!own || !own->has_value())
        return 0;  // the input's form decides which words errors use; signing cannot fail for another reason
    INVARIANT(wire::verify(**own, head, {.secret_access_key = "secret", .service = "s3", .now = now, .regions = served_regions}));
    INVARIANT(
        !wire::verify(**own, head, {.secret_access_key = "Secret", .service = "s3", .now = now, .regions = served_regions}));
    return 0;
}
