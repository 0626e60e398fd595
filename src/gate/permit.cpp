#include "gate/permit.hpp"

#include "gate/globals.hpp"
#include "wire/call.hpp"

namespace gate {

const std::string& Permit::request_id() const { return call_.request_id; }

const std::string& Permit::region() const { return call_.region; }

policy::Context Permit::global_keys() const {
    return global_context(
        {.http = call_.http, .service = call_.service, .region = call_.region, .signature = call_.signature, .now = time_});
}

}  // namespace gate
