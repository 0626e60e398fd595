#include "services/access_analyzer/preview_state.hpp"

#include "base/error_codes.hpp"
#include "model/stored.hpp"
#include "text/json.hpp"

namespace services::access_analyzer {
namespace {

using base::Result;
using text::Json;

std::string prefix_of(const Place& place, const std::string& analyzer) {
    return "access-analyzer/" + place.account + "/" + place.region + "/preview/" + analyzer + "/";
}

Result<StoredPreview> read(const store::Entry& entry) {
    const auto json = text::parse_json(entry.value);
    StoredPreview out;
    if (json) (void)model::read_stored((*json)["Preview"], out.preview);
    if (out.preview.id.empty())
        return base::fail(base::code::InternalError, "the stored record " + entry.key + " cannot be read");
    for (const Json& finding : (*json)["Findings"].items()) (void)model::read_stored(finding, out.findings.emplace_back());
    return out;
}

bool is_too_old(const StoredPreview& preview, base::Time now) { return now - preview.preview.created_at > previews_kept_for; }

}  // namespace

Result<std::vector<StoredPreview>> previews_of(const store::KeyValueStore& keys, const Place& place, const std::string& analyzer,
                                               base::Time now) {
    std::vector<StoredPreview> out;
    for (const store::Entry& entry : TRY(keys.scan({.prefix = prefix_of(place, analyzer)}))) {
        StoredPreview one = TRY(read(entry));
        if (!is_too_old(one, now)) out.push_back(std::move(one));
    }
    return out;
}

Result<StoredPreview> find_preview(const store::KeyValueStore& keys, const Place& place, const std::string& analyzer,
                                   const std::string& id, base::Time now) {
    const std::string key = prefix_of(place, analyzer) + id;
    auto value = TRY(keys.get(key));
    if (!value) return base::fail(no_such(Thing::access_preview, id));
    StoredPreview out = TRY(read({key, *std::move(value)}));
    if (is_too_old(out, now)) return base::fail(no_such(Thing::access_preview, id));
    return out;
}

Result<void> put_preview(store::KeyValueStore& keys, const Place& place, const std::string& analyzer,
                         const StoredPreview& preview, base::Time now) {
    const std::string prefix = prefix_of(place, analyzer);
    store::Batch batch;
    size_t kept = 0;
    for (const store::Entry& entry : TRY(keys.scan({.prefix = prefix}))) {
        if (is_too_old(TRY(read(entry)), now))
            batch.erase(entry.key);
        else
            ++kept;
    }
    if (kept >= previews_max)
        return base::fail(quota_exceeded(Thing::access_preview, preview.preview.id,
                                         "An analyzer has at most " + std::to_string(previews_max) + " access previews a day."));
    Json findings = Json::array();
    for (const m::AccessPreviewFinding& one : preview.findings) findings.push(model::write_document(one));
    const Json json = Json::object({{"Preview", model::write_document(preview.preview)}, {"Findings", std::move(findings)}});
    batch.put(prefix + preview.preview.id, json.dump());
    return keys.commit(batch);
}

}  // namespace services::access_analyzer
