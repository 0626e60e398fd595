#include "services/access_analyzer/state.hpp"

#include <utility>

#include "base/error_codes.hpp"
#include "model/stored.hpp"
#include "policy/arn.hpp"
#include "text/json.hpp"

namespace services::access_analyzer {
namespace {

using base::Result;
using text::Json;

std::string prefix_of(const Place& place, std::string_view kind) {
    return "access-analyzer/" + place.account + "/" + place.region + "/" + std::string(kind) + "/";
}
std::string key_of(const Place& place, const std::string& name) { return prefix_of(place, "analyzer") + name; }
std::string findings_of(const Place& place, const std::string& analyzer) { return prefix_of(place, "finding") + analyzer + "/"; }

std::unexpected<base::Error> unreadable(const std::string& key) {
    return base::fail(base::code::InternalError, "the stored record " + key + " cannot be read");
}

Result<Json> read_json(const store::Entry& entry) {
    auto json = text::parse_json(entry.value);
    if (!json || !json->is_object()) return unreadable(entry.key);
    return *std::move(json);
}

Result<StoredAnalyzer> read_analyzer(const store::Entry& entry) {
    const Json json = TRY(read_json(entry));
    StoredAnalyzer out{.client_token = json["ClientToken"].as_string()};
    (void)model::read_stored(json["Analyzer"], out.summary);
    if (out.summary.name.empty()) return unreadable(entry.key);
    for (const Json& rule : json["Rules"].items()) (void)model::read_stored(rule, out.rules.emplace_back());
    return out;
}

Result<FindingRecord> read_finding(const store::Entry& entry) {
    FindingRecord out;
    (void)model::read_stored(TRY(read_json(entry)), out);
    if (out.id.empty()) return unreadable(entry.key);
    return out;
}

}  // namespace

std::vector<Filter> StoredAnalyzer::filters() const {
    std::vector<Filter> out;
    for (const m::ArchiveRuleSummary& rule : rules) out.push_back(rule.filter);
    return out;
}

std::string analyzer_arn(const Place& place, const std::string& name) {
    return "arn:aws:access-analyzer:" + place.region + ":" + place.account + ":analyzer/" + name;
}

Result<StoredAnalyzer> State::analyzer(const Place& place, const std::string& name) const {
    const std::string key = key_of(place, name);
    auto value = TRY(keys_.get(key));
    if (!value) return base::fail(no_such(Thing::analyzer, name));
    return read_analyzer({key, *std::move(value)});
}

Result<std::vector<StoredAnalyzer>> State::analyzers(const Place& place) const {
    std::vector<StoredAnalyzer> out;
    for (const store::Entry& entry : TRY(keys_.scan({.prefix = prefix_of(place, "analyzer")})))
        out.push_back(TRY(read_analyzer(entry)));
    return out;
}

Result<std::vector<StoredAnalyzer>> State::analyzers_of(const std::string& account) const {
    // Few keys are of analyzers: of each region, those are looked for alone.
    std::vector<StoredAnalyzer> out;
    const std::string all = "access-analyzer/" + account + "/";
    std::string from;
    for (;;) {
        const auto first = TRY(keys_.scan({.prefix = all, .from = from, .limit = 1}));
        if (first.empty()) return out;
        const std::string& key = first.front().key;
        const std::string region = key.substr(all.size(), key.find('/', all.size()) - all.size());
        for (StoredAnalyzer& one : TRY(analyzers({account, region}))) out.push_back(std::move(one));
        from = all + region + "0";  // behind every key of the region: '0' follows '/'
    }
}

Result<void> State::put(const Place& place, const StoredAnalyzer& analyzer) {
    Json rules = Json::array();
    for (const m::ArchiveRuleSummary& rule : analyzer.rules) rules.push(model::write_document(rule));
    const Json json = Json::object({{"Analyzer", model::write_document(analyzer.summary)},
                                    {"Rules", std::move(rules)},
                                    {"ClientToken", analyzer.client_token}});
    store::Batch batch;
    batch.put(key_of(place, analyzer.summary.name), json.dump());
    TRY(keys_.commit(batch));
    version_.fetch_add(1, std::memory_order_release);
    changes_.fetch_add(1, std::memory_order_release);
    return {};
}

Result<void> State::erase(const Place& place, const std::string& name) {
    store::Batch batch;
    batch.erase(key_of(place, name));
    for (const std::string& prefix :
         {findings_of(place, name), prefix_of(place, "preview") + name + "/", prefix_of(place, "recommendation") + name + "/"})
        for (const store::Entry& entry : TRY(keys_.scan({.prefix = prefix}))) batch.erase(entry.key);
    TRY(keys_.commit(batch));
    version_.fetch_add(1, std::memory_order_release);
    changes_.fetch_add(1, std::memory_order_release);
    return {};
}

Result<std::vector<FindingRecord>> State::findings(const Place& place, const std::string& analyzer) const {
    std::vector<FindingRecord> out;
    for (const store::Entry& entry : TRY(keys_.scan({.prefix = findings_of(place, analyzer)})))
        out.push_back(TRY(read_finding(entry)));
    return out;
}

Result<FindingRecord> State::finding(const Place& place, const std::string& analyzer, const std::string& id) const {
    const std::string key = findings_of(place, analyzer) + id;
    auto value = TRY(keys_.get(key));
    if (!value) return base::fail(no_such(Thing::finding, id));
    return read_finding({key, *std::move(value)});
}

Result<std::vector<FindingRecord>> State::findings_after(const Place& place, const std::string& analyzer, const std::string& id,
                                                         size_t most) const {
    std::vector<FindingRecord> out;
    const std::string prefix = findings_of(place, analyzer);
    // A byte 0 behind it: the first key after it.
    const std::string from = id.empty() ? "" : prefix + id + '\0';
    for (const store::Entry& entry : TRY(keys_.scan({.prefix = prefix, .from = from, .limit = most})))
        out.push_back(TRY(read_finding(entry)));
    return out;
}

store::Batch State::batch_of(const Place& place, const std::string& analyzer, const FindingChanges& changes) {
    store::Batch batch;
    const std::string prefix = findings_of(place, analyzer);
    for (const FindingRecord& one : changes.put) batch.put(prefix + one.id, model::write_document(one).dump());
    for (const std::string& id : changes.erase) batch.erase(prefix + id);
    return batch;
}

Result<void> State::change(const store::Batch& batch) {
    if (batch.writes().empty()) return {};
    TRY(keys_.commit(batch));
    changes_.fetch_add(1, std::memory_order_release);
    return {};
}

Result<void> State::change(const Place& place, const std::string& analyzer, const FindingChanges& changes) {
    return change(batch_of(place, analyzer, changes));
}

}  // namespace services::access_analyzer
