#include "training/channel.hpp"

#include <algorithm>
#include <numeric>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "crypto/digest.hpp"
#include "text/json.hpp"
#include "training/limits.hpp"

namespace training {
namespace {

constexpr std::string_view reference_suffix = "-ref";

std::unexpected<base::Error> client_error(std::string message) { return base::fail(base::code::ClientError, std::move(message)); }

std::unexpected<base::Error> unreadable(const S3Uri& object, const base::Error& error) {
    return client_error("Data download failed:Unable to download object " + object.text() + " " + reason(error));
}

base::Result<std::string> read_manifest(JobData& data, RoleSession& session, const Channel& channel) {
    const S3Uri& where = channel.source;
    auto found = data.stat(TRY(credentials_of(session)), where);
    if (!found) return unreadable(where, found.error());
    if (!channel.pin.empty() && digest_of({ChannelObject{where, found->size, found->etag, ""}}) != channel.pin)
        return source_changed("the manifest " + where.text());
    if (found->size > manifest_bytes_max) return client_error("Data download failed:the manifest is too large");
    auto content = data.read(TRY(credentials_of(session)), where, found->etag, 0, found->size);
    if (!content) return unreadable(where, content.error());
    return std::move(*content);
}

base::Result<void> measure(JobData& data, RoleSession& session, ChannelObject& object) {
    auto found = data.stat(TRY(credentials_of(session)), object.where);
    if (!found) return unreadable(object.where, found.error());
    object.size = found->size;
    object.etag = found->etag;
    return {};
}

base::Result<std::string> name_below(const std::string& prefix, const std::string& key) {
    auto name = local_name(prefix, key);
    if (!name) return client_error("Data download failed:" + name.error().message);
    return name;
}

// A manifest is a JSON list: {"prefix": "s3://bucket/folder/"}, then keys below it.
base::Result<std::vector<ChannelObject>> manifest_objects(JobData& data, RoleSession& session, const Channel& channel) {
    auto manifest = text::parse_json(TRY(read_manifest(data, session, channel)));
    if (!manifest || !manifest->is_array() || manifest->size() == 0 || !manifest->items().front()["prefix"].is_string()) {
        return client_error("Data download failed:" + channel.source.text() +
                            " is not a manifest: a JSON list that starts with {\"prefix\": \"s3://…\"}");
    }
    auto base = parse_s3_uri(manifest->items().front()["prefix"].as_string());
    if (!base) return client_error("Data download failed:" + base.error().message);
    std::vector<ChannelObject> objects;
    for (size_t i = 1; i < manifest->size(); ++i) {
        std::string key = base->key + manifest->items()[i].as_string();
        std::string name = TRY(name_below(base->key, key));
        objects.push_back({{base->bucket, std::move(key)}, 0, "", std::move(name)});
    }
    return objects;
}

base::Result<std::vector<ChannelObject>> prefix_objects(JobData& data, RoleSession& session, const Channel& channel) {
    S3Uri prefix = listed_prefix(channel);
    auto found = data.list(TRY(credentials_of(session)), prefix, objects_per_channel_max);
    if (!found) {
        return client_error("Data download failed:Unable to list objects under " + prefix.text() + " " + reason(found.error()));
    }
    std::vector<ChannelObject> objects;
    for (auto& object : *found) {
        if (object.key.ends_with('/')) continue;  // Consoles make empty objects that stand for folders.
        std::string name = TRY(name_below(prefix.key, object.key));
        objects.push_back({{prefix.bucket, std::move(object.key)}, object.size, std::move(object.etag), std::move(name)});
    }
    if (!channel.pin.empty() && digest_of(objects) != channel.pin)
        return source_changed("the channel " + channel.name + " (" + channel.source.text() + ")");
    return objects;
}

base::Result<Sample> sample_of(JobData& data, RoleSession& session, const Channel& channel, const text::Json& line,
                               size_t number) {
    Sample sample;
    auto bad = [&](const std::string& what) {
        return client_error("Data download failed:line " + std::to_string(number) + " of the augmented manifest " +
                            channel.source.text() + " " + what);
    };
    for (const auto& attribute : channel.attributes) {
        const text::Json* value = line.find(attribute);
        if (value == nullptr) return bad("has no attribute " + attribute);
        SamplePart part;
        if (attribute.ends_with(reference_suffix)) {
            auto where = parse_s3_uri(value->as_string());
            if (!where) return bad("has no s3:// address in " + attribute);
            part.is_object = true;
            part.object.where = std::move(*where);
            TRY(measure(data, session, part.object));
        } else {
            part.text = value->is_string() ? value->as_string() : value->dump();
        }
        sample.push_back(std::move(part));
    }
    return sample;
}

// One step of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"): std::shuffle's order is another
// one with every standard library.
uint64_t next_random(uint64_t& state) {
    uint64_t value = state += 0x9E3779B97F4A7C15ULL;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
    return value ^ (value >> 31);
}

}  // namespace

std::unexpected<base::Error> source_changed(const std::string& what) {
    return client_error("The job's code has changed since the job was created: " + what +
                        " is not what it was. Nothing of it was run. Create the job again if the change is meant.");
}

std::string digest_of(const std::vector<ChannelObject>& objects) {
    crypto::Digest digest(crypto::DigestKind::sha256);
    for (const auto& object : objects) {
        for (const std::string& part : {object.where.bucket, object.where.key, std::to_string(object.size), object.etag})
            digest.update(std::to_string(part.size()) + ":" + part);
    }
    return crypto::hex(digest.finish());
}

std::string reason(const base::Error& error) { return "(" + error.code + ": " + error.message + ")"; }

S3Uri listed_prefix(const Channel& channel) {
    S3Uri prefix = channel.source;
    if (channel.mode == InputMode::fast_file && !channel.manifest && !prefix.key.empty() && !prefix.key.ends_with('/'))
        prefix.key += '/';
    return prefix;
}

base::Result<identity::Credentials> credentials_of(RoleSession& session) {
    auto current = session.current();
    if (!current) {
        return client_error("SageMaker was unable to assume the role '" + session.role_arn() + "' " + reason(current.error()));
    }
    return current;
}

base::Result<std::vector<ChannelObject>> objects_of(JobData& data, RoleSession& session, const Channel& channel, bool measured) {
    if (!channel.manifest) return prefix_objects(data, session, channel);
    auto objects = TRY(manifest_objects(data, session, channel));
    if (measured) {
        for (auto& object : objects) TRY(measure(data, session, object));
    }
    return objects;
}

base::Result<std::vector<Sample>> samples_of(JobData& data, RoleSession& session, const Channel& channel) {
    std::vector<Sample> samples;
    if (!channel.augmented) {
        for (auto& object : TRY(objects_of(data, session, channel, true)))
            samples.push_back({SamplePart{true, std::move(object), ""}});
        return samples;
    }
    std::string content = TRY(read_manifest(data, session, channel));
    size_t number = 0;
    for (auto text : base::split(content, '\n')) {
        ++number;
        if (base::trim(text).empty()) continue;
        auto line = text::parse_json(text);
        if (!line || !line->is_object()) {
            return client_error("Data download failed:line " + std::to_string(number) + " of the augmented manifest " +
                                channel.source.text() + " is not a JSON object");
        }
        samples.push_back(TRY(sample_of(data, session, channel, *line, number)));
    }
    return samples;
}

std::vector<size_t> share_of(const Channel& channel, size_t count, size_t host, size_t hosts) {
    std::vector<size_t> share;
    for (size_t i = channel.sharded ? host : 0; i < count; i += channel.sharded ? hosts : 1) share.push_back(i);
    return share;
}

std::vector<size_t> order_of(const Channel& channel, size_t count, size_t epoch, size_t host, size_t hosts) {
    auto share = share_of(channel, count, host, hosts);
    if (!channel.shuffle_seed) return share;
    std::vector<size_t> all(count);
    std::iota(all.begin(), all.end(), size_t{0});
    uint64_t state = *channel.shuffle_seed ^ (0xD1B54A32D192ED03ULL * (epoch + 1));
    for (size_t i = count; i > 1; --i) std::swap(all[i - 1], all[next_random(state) % i]);
    for (auto& place : share) place = all[place];
    return share;
}

}  // namespace training
