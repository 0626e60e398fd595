#include "gate/unread.hpp"

#include "audit/log.hpp"
#include "base/error_codes.hpp"
#include "base/log.hpp"
#include "gate/globals.hpp"

namespace gate {

void record_unread(audit::Log& log, const base::Clock& clock, crypto::Random& random, const http::UnreadRequest& request) {
    audit::Record record;
    record.time = clock.now();
    record.request_id = random.uuid();
    record.source_address = plain_address(request.peer_address);
    record.authenticated = false;
    record.status = request.status;
    record.error_code = request.status == 408 ? base::code::RequestTimeout : base::code::BadRequest;
    record.error_message = request.message;
    if (auto written = log.append(record); !written)
        base::log_error("a request that could not be read was not recorded: " + written.error().describe());
}

}  // namespace gate
