#include "provider/bucket_setting.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "provider/s3.hpp"
#include "provider/s3_document.hpp"
#include "text/base64.hpp"
#include "text/uri.hpp"

namespace provider {

using base::fail;
using base::Result;
using Kind = Property::Kind;

namespace {

using Entry = std::shared_ptr<const BucketSetting>;

constexpr std::string_view expected_owner = "expectedBucketOwner";

bool is_account_number(std::string_view text) {
    return text.size() == 12 && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// What an id names, where the properties do not say (an import). Ids are Pulumi's: `bucket`, `bucket,account`, `bucket:name`.
struct Place {
    std::string bucket, name, region;
};

Place place_of(const BucketSetting& setting, const std::string& id, const Property& known) {
    Place place{.bucket = known[setting.of_account ? "accountId" : "bucket"].as_string(), .name = {}, .region = region_of(known)};
    if (setting.name) place.name = known[setting.name->property].as_string();
    if (!place.bucket.empty()) return place;
    const size_t end = id.find(setting.name ? ':' : ',');
    place.bucket = id.substr(0, end);
    if (setting.name && end != std::string::npos) place.name = id.substr(end + 1);
    return place;
}

wire::S3Call call_of(const BucketSetting& setting, const char* method, const Place& place, const Property& known) {
    wire::S3Call call{.method = method};
    if (setting.of_account) {
        call.key = "v20180820/configuration/" + setting.query;
        call.headers.set("x-amz-account-id", place.bucket);
    } else {
        call.bucket = place.bucket;
        call.query = setting.query;
        if (setting.name) call.query += "&id=" + text::encode_uri(place.name);
    }
    const bool puts = std::string_view(method) == "PUT";
    for (const Rule& rule : setting.rules) {
        if (rule.header.empty() || (!puts && rule.name != expected_owner)) continue;
        if (const std::string& value = known[rule.name].as_string(); !value.empty()) call.headers.set(rule.header, value);
    }
    return call;
}

std::string operation(const BucketSetting& setting, const std::string& verb) {
    return verb == "Delete" && !setting.deletion.empty() ? setting.deletion : verb + setting.noun;
}

base::Error told(const Aws& aws, const BucketSetting& setting, const char* verb, const Place& place, base::Error error) {
    if (error.code == base::code::NoSuchBucket) return about_property(std::move(error), "bucket");
    const std::string thing =
        setting.tokens.front() + " of " + (setting.of_account ? "account `" : "bucket `") + place.bucket + "`";
    if (is_not_served(error)) return not_served(aws, std::move(error), thing, operation(setting, verb));
    return setting.subject.empty() ? error : about_property(std::move(error), setting.subject);
}

bool is_none(const BucketSetting& setting, const base::Error& error) {
    return is_gone(error) || (!setting.absent.empty() && error.code == setting.absent);
}

Result<void> put(Aws& aws, const BucketSetting& setting, const Place& place, const Property& properties) {
    wire::S3Call call = call_of(setting, "PUT", place, properties);
    const bool by_header = !setting.instead.empty() && !properties[setting.instead].as_string().empty();
    if (setting.root.empty())
        call.body = properties[setting.subject].as_string();
    else if (!by_header)
        call.body = xml_text(document_of(setting.rules, setting.root, properties),
                             setting.of_account ? s3_control_namespace : s3_namespace);
    if (!by_header) call.headers.set("Content-Type", setting.root.empty() ? "application/json" : "application/xml");
    // Some of these calls demand a digest of the body, none minds one.
    call.headers.set("Content-MD5", text::encode_base64(crypto::md5(call.body)));
    auto done = aws.s3(call, place.region);
    if (!done) return fail(told(aws, setting, "Put", place, std::move(done).error()));
    return {};
}

// Pulumi's ids add an owner and an ACL, which change while the resource stays: they are read (set_imported), not made.
std::string id_of(const BucketSetting& setting, const Property& properties) {
    const std::string& id = properties[setting.of_account ? "accountId" : "bucket"].as_string();
    return setting.name ? id + ":" + properties[setting.name->property].as_string() : id;
}

// What the id of an import says beside the bucket.
void set_imported(const BucketSetting& setting, const std::string& id, Property& outputs) {
    if (setting.name || setting.of_account) return;
    for (const std::string_view part : base::split(id, ',')) {
        if (part == outputs["bucket"].as_string()) continue;
        if (is_account_number(part))
            outputs.set(expected_owner, part);
        else if (!setting.instead.empty())
            outputs.set(setting.instead, part);
    }
}

bool says_nothing(const BucketSetting& setting, const text::XmlElement& document) {
    if (setting.none.empty()) return false;
    if (setting.none == "*") return document.children.empty();
    return document.child(setting.none) == nullptr;
}

// Does the program itself declare nothing, so that nothing is what there is to find?
bool declares_nothing(const BucketSetting& setting, const Property& known) {
    return setting.none == "*" && !known.is(Kind::null) && document_of(setting.rules, setting.root, known).children.empty();
}

Result<Property> with_account(Aws& aws, const BucketSetting& setting, const Property& inputs) {
    Property out = inputs;
    if (setting.of_account && inputs["accountId"].as_string().empty()) out.set("accountId", TRY(aws.account()));
    return out;
}

std::vector<Rule> rules_of(const BucketSetting& setting) {
    std::vector<Rule> rules = setting.rules;
    if (setting.of_account) {
        rules.push_back({.name = "accountId", .replaces = true, .computed = true});
        return rules;
    }
    rules.push_back({.name = "bucket", .required = true, .replaces = true});
    rules.push_back(region_rule());
    return rules;
}

}  // namespace

Result<void> put_setting(Aws& aws, const BucketSetting& setting, const Property& properties) {
    return put(aws, setting, place_of(setting, "", properties), properties);
}

Result<std::optional<Property>> read_setting(Aws& aws, const BucketSetting& setting, const std::string& id,
                                             const Property& known) {
    const Place place = place_of(setting, id, known);
    const auto answer = aws.s3(call_of(setting, "GET", place, known), place.region);
    if (!answer) {
        if (is_none(setting, answer.error())) return std::nullopt;
        return fail(told(aws, setting, "Get", place, answer.error()));
    }
    Property outputs{Property::Object{}};
    if (setting.root.empty()) {
        outputs.set(setting.subject, answer->body);
    } else {
        const text::XmlElement document = TRY(text::parse_xml(answer->body));
        if (says_nothing(setting, document) && !declares_nothing(setting, known)) return std::nullopt;
        outputs = properties_of(setting.rules, document);
    }
    for (const Rule& rule : setting.rules)
        if (!rule.header.empty() && !rule.local)
            if (const std::string value = answer->headers.get(rule.header); !value.empty()) outputs.set(rule.name, value);
    outputs.set(setting.of_account ? "accountId" : "bucket", place.bucket);
    if (setting.name) outputs.set(setting.name->property, place.name);
    if (!setting.of_account) outputs.set("region", place.region.empty() ? aws.region() : place.region);
    if (known.is(Kind::null) || known.members().empty()) set_imported(setting, id, outputs);
    return outputs;
}

Result<void> remove_setting(Aws& aws, const BucketSetting& setting, const std::string& id, const Property& olds) {
    if (setting.removal == Removal::stays || (setting.left_alone != nullptr && setting.left_alone(olds))) return {};
    const Place place = place_of(setting, id, olds);
    if (setting.removal == Removal::rests) {
        Property rest = setting.rest;
        for (const char* name : {"expectedBucketOwner", "mfa"})
            if (olds.contains(name)) rest.set(name, olds[name]);
        auto put_back = put(aws, setting, place, rest);
        if (!put_back && !is_none(setting, put_back.error())) return put_back;
        return {};
    }
    auto deleted = aws.s3(call_of(setting, "DELETE", place, olds), place.region);
    if (!deleted && !is_none(setting, deleted.error()))
        return fail(told(aws, setting, "Delete", place, std::move(deleted).error()));
    return {};
}

ResourceType bucket_setting_type(BucketSetting setting) {
    if (setting.tells_owner)
        setting.rules.push_back(
            {.name = std::string(expected_owner), .replaces = true, .local = true, .header = "x-amz-expected-bucket-owner"});
    const Entry entry = std::make_shared<const BucketSetting>(std::move(setting));
    ResourceType type{.tokens = entry->tokens, .rules = rules_of(*entry), .name = entry->name, .one_of = entry->one_of};
    type.operations = {operation(*entry, "Put"), operation(*entry, "Get")};
    if (entry->removal == Removal::deletes) type.operations.push_back(operation(*entry, "Delete"));
    type.computed = entry->computed;
    if (!entry->of_account) type.computed.emplace_back("region");
    for (const Rule& rule : entry->rules)
        if (rule.computed) type.computed.push_back(rule.name);
    type.serialised_kind = entry->of_account ? "account" : "bucket";
    type.serialised_by = entry->of_account ? "accountId" : "bucket";
    if (entry->check != nullptr) type.check = entry->check;
    // Of an account that the program does not name only the call tells which it is.
    type.id = [entry](const Property& inputs, const Property& outputs) {
        return id_of(*entry, entry->of_account && !inputs.contains("accountId") ? outputs : inputs);
    };
    if (entry->of_account)
        type.predict = [](Aws& aws, const Property& inputs, Property& outputs) {
            if (inputs.contains("accountId")) return;
            if (const auto account = aws.account()) outputs.set("accountId", *account);
        };
    type.create = [entry](Aws& aws, const Property& inputs) -> Result<State> {
        const Property given = TRY(with_account(aws, *entry, inputs));
        if (entry->unsent == nullptr || !entry->unsent(given)) TRY(put_setting(aws, *entry, given));
        return State{id_of(*entry, given), Property(Property::Object{})};
    };
    type.read = [entry](Aws& aws, const std::string& id, const Property& known) { return read_setting(aws, *entry, id, known); };
    type.update = [entry](Aws& aws, const std::string& id, const Property& olds, const Property& news) -> Result<void> {
        if (entry->may_change != nullptr) TRY(entry->may_change(olds, news));
        return put(aws, *entry, place_of(*entry, id, news), news);
    };
    type.remove = [entry](Aws& aws, const std::string& id, const Property& olds) {
        return remove_setting(aws, *entry, id, olds);
    };
    return type;
}

}  // namespace provider
