#include "provider/aws.hpp"

#include <algorithm>
#include <array>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "base/strings.hpp"
#include "text/uri.hpp"

namespace provider {

using base::Error;
using base::Result;
using std::chrono::milliseconds;
using text::Json;

namespace {

constexpr milliseconds patience_with_made_things{120'000};
constexpr milliseconds patience_with_other_principals{15'000};
constexpr milliseconds pause_first{250};
constexpr milliseconds pause_most{10'000};

bool contains_ignoring_case(std::string_view text, std::string_view part) {
    return base::lower(text).find(base::lower(part)) != std::string::npos;
}

bool is_conflict_of_writers(const Error& error) {
    return error.code == base::code::OperationAborted || error.code == base::code::ConcurrentModification ||
           error.code == base::code::ConcurrentModificationException;
}

bool is_unknown_principal(const Error& error) {
    return (error.code == base::code::MalformedPolicy || error.code == base::code::MalformedPolicyDocument) &&
           contains_ignoring_case(error.message, "principal");
}

}  // namespace

class Aws::Lease {
public:
    Lease(Aws& aws, std::string region, std::unique_ptr<Transport> transport)
        : aws_(aws), region_(std::move(region)), transport_(std::move(transport)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        const base::Lock lock(aws_.mutex_);
        aws_.idle_[region_].push_back(std::move(transport_));
    }
    Transport* operator->() { return transport_.get(); }

private:
    Aws& aws_;
    std::string region_;
    std::unique_ptr<Transport> transport_;
};

Aws::Aws(AwsOptions options, Connect connect, Sleep sleep)
    : options_(std::move(options)), connect_(std::move(connect)), sleep_(std::move(sleep)) {
    if (options_.region.empty()) options_.region = "us-east-1";
}

Aws::Lease Aws::lend(const std::string& region) {
    const std::string& wanted = region.empty() ? options_.region : region;
    {
        const base::Lock lock(mutex_);
        auto& idle = idle_[wanted];
        if (!idle.empty()) {
            auto transport = std::move(idle.back());
            idle.pop_back();
            return {*this, wanted, std::move(transport)};
        }
    }
    return {*this, wanted, connect_(wanted)};
}

// How long an error is worth waiting out.
milliseconds Aws::patience(const Error& error, std::string_view request) const {
    if (is_conflict_of_writers(error)) return patience_with_made_things;
    if (!is_aws_itself()) return milliseconds(0);
    const bool unknown_principal = is_unknown_principal(error);
    if (!unknown_principal && error.code != base::code::NoSuchEntity && error.code != base::code::NoSuchBucket)
        return milliseconds(0);
    const base::Lock lock(mutex_);
    const bool ours =
        std::ranges::any_of(made_, [&](const std::string& name) { return request.find(name) != std::string_view::npos; });
    if (ours) return patience_with_made_things;
    return unknown_principal ? patience_with_other_principals : milliseconds(0);
}

template <class Call>
auto Aws::with_patience(std::string_view request, Call call) {
    milliseconds waited{0};
    milliseconds pause = pause_first;
    while (true) {
        auto answer = call();
        if (answer || waited >= patience(answer.error(), request)) return answer;
        sleep_(pause);
        waited += pause;
        pause = std::min(pause * 2, pause_most);
    }
}

Result<Json> Aws::iam(const std::string& operation, const Json& input) {
    return with_patience(input.dump(), [&] { return lend({})->call("iam", operation, input); });
}

Result<Json> Aws::sts(const std::string& operation, const Json& input) { return lend({})->call("sts", operation, input); }

Result<Json::Array> Aws::iam_list(const std::string& operation, Json input, std::string_view member) {
    Json::Array all;
    while (true) {
        const Json page = TRY(iam(operation, input));
        for (const Json& item : page[member].items()) all.push_back(item);
        if (!page["IsTruncated"].as_bool() || page["Marker"].as_string().empty()) return all;
        input.set("Marker", page["Marker"]);
    }
}

Result<void> Aws::update_iam_tags(const std::string& tag, const std::string& untag, const Json& subject, const Property& olds,
                                  const Property& news) {
    Json dropped = Json::array();
    for (const auto& [key, value] : olds.members())
        if (!news.contains(key)) dropped.push(key);
    if (dropped.size() > 0) {
        Json call = subject;
        call.set("TagKeys", std::move(dropped));
        TRY(about("tags", iam(untag, call)));
    }
    if (news.members().empty() || olds == news) return {};
    Json call = subject;
    call.set("Tags", tag_list(news));
    TRY(about("tags", iam(tag, call)));
    return {};
}

Result<wire::S3Answer> Aws::s3(const wire::S3Call& call, const std::string& region) {
    return with_patience(call.bucket + ' ' + call.body, [&] { return lend(region)->s3(call); });
}

std::string Aws::partition() const {
    if (options_.region.starts_with("cn-")) return "aws-cn";
    if (options_.region.starts_with("us-gov-")) return "aws-us-gov";
    return "aws";
}

std::string Aws::dns_suffix() const { return partition() == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"; }

Result<std::string> Aws::account() {
    {
        const base::Lock lock(mutex_);
        if (!account_.empty()) return account_;
    }
    const Json identity = TRY(sts("GetCallerIdentity", Json::object()));
    const base::Lock lock(mutex_);
    account_ = identity["Account"].as_string();
    return account_;
}

namespace {

// What to correct, where the answer leaves no doubt about it; else "".
std::string hint_for(const Error& error, const std::string& where, const AwsOptions& options) {
    const std::string key = options.access_key_id;
    if (error.code == base::code::InvalidClientTokenId || error.code == base::code::UnrecognizedClientException ||
        error.code == base::code::InvalidAccessKeyId)
        return where + " does not know the access key " + key +
               ": AWS_ACCESS_KEY_ID, aws:accessKey or ~/.aws/credentials says which";
    if (error.code == base::code::ExpiredToken || error.code == base::code::ExpiredTokenException)
        return "the session of the access key " + key + " has ended: get new credentials";
    // One code for several mistakes; which it is, the sentence says that stands before this.
    if (error.code == base::code::SignatureDoesNotMatch || error.code == base::code::InvalidSignatureException)
        return "check what requests are signed with: the secret access key of " + key +
               " (AWS_SECRET_ACCESS_KEY, aws:secretKey or ~/.aws/credentials), the region `" + options.region +
               "` (AWS_REGION, aws:region or ~/.aws/config) and the clock of this machine";
    return "AWS_ENDPOINT_URL or aws:endpoints says where to; is something listening there?";
}

}  // namespace

Result<void> Aws::check_access() {
    if (options_.skip_validation) return {};
    auto known = account();
    if (known) return {};
    const std::string where = options_.endpoint.empty() ? "AWS" : options_.endpoint;
    Error error = std::move(known).error();
    if (std::string hint = hint_for(error, where, options_); !hint.empty()) error.notes.push_back(std::move(hint));
    error.message = "cannot deploy to " + where + ": " + error.message;
    return base::fail(std::move(error));
}

std::string Aws::place() {
    const auto owner = account();
    // Without an account (the call may be missing somewhere) things of one key are things of one account.
    return (options_.endpoint.empty() ? "aws" : options_.endpoint) + " " + (owner ? *owner : options_.access_key_id);
}

Result<std::string> Aws::iam_arn(std::string_view kind, std::string_view path, std::string_view name) {
    const std::string owner = TRY(account());
    return "arn:" + partition() + ":iam::" + owner + ":" + std::string(kind) + std::string(path.empty() ? "/" : path) +
           std::string(name);
}

bool Aws::is_aws_itself() const {
    if (options_.endpoint.empty()) return true;
    const std::string_view endpoint = options_.endpoint;
    return endpoint.find(".amazonaws.com") != std::string_view::npos;
}

std::unique_lock<base::Mutex> Aws::serialise(const std::string& thing) {
    base::Mutex* mutex = nullptr;
    {
        const base::Lock lock(mutex_);
        auto& slot = serialised_[thing];
        if (!slot) slot = std::make_unique<base::Mutex>();
        mutex = slot.get();
    }
    return std::unique_lock(*mutex);
}

void Aws::made(std::string name_or_arn) {
    const base::Lock lock(mutex_);
    made_.insert(std::move(name_or_arn));
}

void Aws::removed(const std::string& name_or_arn) {
    const base::Lock lock(mutex_);
    made_.erase(name_or_arn);
}

Error about_property(Error error, std::string_view property) {
    error.notes.push_back("property `" + std::string(property) + "`");
    return error;
}

bool is_gone(const Error& error) {
    static constexpr std::array codes = {"NoSuchEntity", "NoSuchBucket",       "NoSuchKey",
                                         "NotFound",     "NoSuchBucketPolicy", "NoSuchTagSet"};
    return std::ranges::find(codes, error.code) != codes.end();
}

bool is_not_served(const Error& error) { return error.code == base::code::NotImplemented; }

Error not_served(const Aws& aws, Error error, std::string_view thing, std::string_view operation) {
    error.notes.push_back(std::string(thing) + " needs " + std::string(operation) + ", which " +
                          (aws.endpoint().empty() ? "AWS" : aws.endpoint()) + " does not serve");
    error.notes.emplace_back(
        "leave the resource out for this endpoint, or deploy to one that has the operation: `trainwarden coverage` says "
        "what a Trainwarden serves");
    return error;
}

std::string decode_document(const std::string& document) {
    // A JSON document starts with `{` or white space, an encoded one with %7B or %0A: no text is both.
    if (!document.starts_with('%')) return document;
    return text::decode_uri(document).value_or(document);
}

Json tag_list(const Property& tags) {
    Json list = Json::array();
    for (const auto& [key, value] : tags.members()) list.push(Json::object({{"Key", key}, {"Value", value.as_string()}}));
    return list;
}

Property tags_from_list(const Json& list) {
    Property::Object tags;
    for (const Json& tag : list.items()) tags.emplace(tag["Key"].as_string(), tag["Value"].as_string());
    return tags;
}

Result<void> gone_is_fine(Result<Json> result) {
    if (!result && !is_gone(result.error())) return base::fail(std::move(result).error());
    return {};
}

void set_if_given(Json& input, std::string_view member, const Property& value) {
    if (value.is(Property::Kind::null)) return;
    if (value.is(Property::Kind::string) && value.as_string().empty()) return;
    input.set(member, value.to_json());
}

}  // namespace provider
