// The AWS API as resource types use it: shared by all threads of a deployment.
//
//   - Connections are lent out one to a call (wire::Client is not for two threads at once), one set a region.
//   - Calls about one role or bucket are serialised: AWS drops concurrent attachments and answers concurrent bucket settings
//     with 409 OperationAborted.
//   - AWS is eventually consistent: for some seconds after CreateRole a policy that names the role is refused as malformed, and
//     a bucket made a moment ago does not exist. Such answers about things made by this very deployment are waited out.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "base/result.hpp"
#include "provider/property.hpp"
#include "provider/provider.hpp"
#include "text/json.hpp"
#include "wire/client.hpp"

namespace provider {

// One connection. The real one is wire::Client.
class Transport {
public:
    virtual ~Transport() = default;
    [[nodiscard]] virtual base::Result<text::Json> call(const std::string& service, const std::string& operation,
                                                        const text::Json& input) = 0;
    [[nodiscard]] virtual base::Result<wire::S3Answer> s3(const wire::S3Call& call) = 0;
};

using Connect = std::function<std::unique_ptr<Transport>(const std::string& region)>;
using Sleep = std::function<void(std::chrono::milliseconds)>;

class Aws {
public:
    Aws(AwsOptions options, Connect connect, Sleep sleep);

    [[nodiscard]] base::Result<text::Json> iam(const std::string& operation, const text::Json& input);
    // All pages of a list: the items of `member`.
    [[nodiscard]] base::Result<text::Json::Array> iam_list(const std::string& operation, text::Json input,
                                                           std::string_view member);
    // Brings the tags of `subject` (the input that names it) from `olds` to `news`.
    [[nodiscard]] base::Result<void> update_iam_tags(const std::string& tag, const std::string& untag, const text::Json& subject,
                                                     const Property& olds, const Property& news);
    [[nodiscard]] base::Result<text::Json> sts(const std::string& operation, const text::Json& input);
    // `region` empty: the provider's own.
    [[nodiscard]] base::Result<wire::S3Answer> s3(const wire::S3Call& call, const std::string& region = {});

    [[nodiscard]] const std::string& region() const { return options_.region; }
    [[nodiscard]] const std::string& endpoint() const { return options_.endpoint; }  // empty: AWS
    [[nodiscard]] std::string partition() const;
    [[nodiscard]] std::string dns_suffix() const;       // amazonaws.com
    [[nodiscard]] base::Result<std::string> account();  // asked once
    // Fails in words that say what to correct: no endpoint, wrong credentials.
    [[nodiscard]] base::Result<void> check_access();
    // Whose things these are, for telling apart things of the same name: the endpoint and the account.
    [[nodiscard]] std::string place();
    [[nodiscard]] base::Result<std::string> iam_arn(std::string_view kind, std::string_view path, std::string_view name);
    [[nodiscard]] bool is_aws_itself() const;  // else a server that is consistent at once
    [[nodiscard]] bool strict_names() const { return options_.strict_names; }

    // Reads until there is a value: at AWS for a while, elsewhere once.
    template <class Read>
    [[nodiscard]] auto wait_for(Read read) {
        auto found = read();
        for (std::chrono::milliseconds waited{0}; found && !*found && is_aws_itself() && waited < visible_within;
             waited += visible_pause) {
            sleep_(visible_pause);
            found = read();
        }
        return found;
    }

    // Held while the calls about one thing are made.
    [[nodiscard]] std::unique_lock<base::Mutex> serialise(const std::string& thing);

    // The names and ARNs of what this deployment made, and no longer so.
    void made(std::string name_or_arn);
    void removed(const std::string& name_or_arn);

private:
    static constexpr std::chrono::milliseconds visible_within{60'000};
    static constexpr std::chrono::milliseconds visible_pause{1'000};
    class Lease;
    [[nodiscard]] Lease lend(const std::string& region);
    [[nodiscard]] std::chrono::milliseconds patience(const base::Error& error, std::string_view request) const;
    template <class Call>
    [[nodiscard]] auto with_patience(std::string_view request, Call call);

    AwsOptions options_;
    Connect connect_;
    Sleep sleep_;
    mutable base::Mutex mutex_;
    std::map<std::string, std::vector<std::unique_ptr<Transport>>> idle_ GUARDED_BY(mutex_);
    std::map<std::string, std::unique_ptr<base::Mutex>> serialised_ GUARDED_BY(mutex_);
    std::set<std::string> made_ GUARDED_BY(mutex_);
    std::string account_ GUARDED_BY(mutex_);
};

// An error about one property of a resource.
[[nodiscard]] base::Error about_property(base::Error error, std::string_view property);
template <class T>
[[nodiscard]] base::Result<T> about(std::string_view property, base::Result<T> result) {
    if (!result) return base::fail(about_property(std::move(result).error(), property));
    return result;
}
// Is it the answer for something that is not there?
[[nodiscard]] bool is_gone(const base::Error& error);
// Is it the answer of a server that does not have the operation? `not_served` adds which resource needs which operation, and what to do.
[[nodiscard]] bool is_not_served(const base::Error& error);
[[nodiscard]] base::Error not_served(const Aws& aws, base::Error error, std::string_view thing, std::string_view operation);
// A document as IAM returns it: percent-encoded.
[[nodiscard]] std::string decode_document(const std::string& document);

// Tags between the two shapes: {key: value} and [{Key, Value}].
[[nodiscard]] text::Json tag_list(const Property& tags);
[[nodiscard]] Property tags_from_list(const text::Json& list);
// What was deleted or was not there to delete.
[[nodiscard]] base::Result<void> gone_is_fine(base::Result<text::Json> result);
// A property that an operation takes only if it is set.
void set_if_given(text::Json& input, std::string_view member, const Property& value);

}  // namespace provider
