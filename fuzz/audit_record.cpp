// The record of requests: whatever bytes a client sends, its record is read as what was written, alone among others. Input: fields,
// each ended by a zero byte, in the order of `record_of`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "audit/line.hpp"
#include "audit/record_text.hpp"
#include "audit/segment.hpp"
#include "base/invariant.hpp"

namespace {

class Fields {
public:
    explicit Fields(std::string_view input) : rest_(input) {}
    std::string next() {
        const size_t end = rest_.find('\0');
        std::string out(rest_.substr(0, end));
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return out;
    }

private:
    std::string_view rest_;
};

audit::Record record_of(Fields& fields) {
    audit::Record record;
    record.time = base::Time(std::chrono::milliseconds(1'700'000'000'000));
    record.request_id = "ID";
    record.service = fields.next();
    record.operation = fields.next();
    record.source_address = fields.next();
    record.user_agent = fields.next();
    record.access_key_id = fields.next();
    record.session_name = fields.next();
    record.principal.arn = fields.next();
    record.error_code = fields.next();
    record.error_message = fields.next();
    for (int i = 0; i < 3; ++i) {
        audit::DecidedAccess access;
        access.request.action = fields.next();
        access.request.resource = fields.next();
        access.request.context.set(fields.next(), fields.next());
        access.request.context.set("aws:UserAgent", record.user_agent);
        access.decision.because.push_back(
            {policy::Layer::identity, fields.next(), 0, {fields.next(), policy::Effect::allow, {1, 1}}});
        record.accesses.push_back(std::move(access));
    }
    return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Fields fields({reinterpret_cast<const char*>(data), size});
    const audit::Record record = record_of(fields);
    const audit::RecordText text = audit::text_of(record);
    std::string members;
    text.each([&](std::string_view literal) { members += literal; },
              [&](const audit::SharedText& shared) { members += shared.text; });
    members += "," + audit::answer_text(403, record.error_code, record.error_message, "");
    audit::Chain chain = audit::first_chain();
    const std::string line = audit::make_line(1, members, chain);
    INVARIANT(line.find('\n') == std::string::npos);
    audit::Chain again = audit::first_chain();
    const audit::Line read = audit::read_line(line, again);
    INVARIANT(read.holds && read.number == 1 && again == chain && !read.json.is_null());
    const text::Json json = audit::record_of(read.json, text::Json(), [](uint32_t) -> const text::Json* { return nullptr; });
    const auto same = [](const text::Json& shown, const std::string& value, size_t most = audit::value_bytes_max) {
        INVARIANT(shown.as_string() == audit::capped(value, most));
        if (!shown.as_string().contains(audit::cut_marker)) INVARIANT(audit::unescaped(shown.as_string()) == value);
    };
    same(json["UserAgent"], record.user_agent, audit::user_agent_bytes_max);
    same(json["Principal"]["Arn"], record.principal.arn);
    same(json["SessionName"], record.session_name);
    const auto terms = audit::terms_of(audit::RecordView(json));
    INVARIANT(std::ranges::equal(terms, text.terms));
    return 0;
}
