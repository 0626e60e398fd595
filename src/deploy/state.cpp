#include "deploy/state.hpp"

#include <algorithm>
#include <set>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "deploy/rpc/signatures.hpp"
#include "deploy/secret_texts.hpp"
#include "deploy/urn.hpp"
#include "text/time.hpp"

namespace deploy {

using provider::Property;
using text::Json;
using Kind = Property::Kind;

namespace {

constexpr std::string_view writer_version = "trainwarden-" TRAINWARDEN_VERSION;
// Before the ciphertext of an id that is made of a secret. Pulumi keeps such an id in clear, and reads ours as one that it does
// not find.
constexpr std::string_view sealed_id = "sealed:";

Json marked(std::string_view signature) {
    Json object = Json::object();
    object.set(rpc::signature_key, Json(signature));
    return object;
}

// `path` names the value for Secrets::encrypt_at.
base::Result<Json> write_property(const Property& value, const std::string& path, Secrets& secrets) {
    switch (value.kind()) {
        case Kind::null:
            return Json();
        case Kind::boolean:
            return Json(value.as_bool());
        case Kind::number:
            return Json(value.as_number());
        case Kind::string:
            return Json(value.as_string());
        case Kind::unknown:
            return Json(rpc::unknown_string);
        case Kind::array: {
            Json array = Json::array();
            size_t index = 0;
            for (const Property& item : value.items())
                array.push(TRY(write_property(item, path + "/" + std::to_string(index++), secrets)));
            return array;
        }
        case Kind::object:
        case Kind::asset:
        case Kind::archive: {
            Json object = value.is(Kind::object) ? Json::object()
                                                 : marked(value.is(Kind::asset) ? rpc::asset_signature : rpc::archive_signature);
            for (const auto& [key, member] : value.members())
                object.set(key, TRY(write_property(member, path + "/" + key, secrets)));
            return object;
        }
        case Kind::secret: {
            Json object = marked(rpc::secret_signature);
            const Json inner = TRY(write_property(value.items().front(), path, secrets));
            object.set("ciphertext", Json(TRY(secrets.encrypt_at(path, inner.dump()))));
            return object;
        }
        case Kind::reference: {
            Json object = marked(rpc::reference_signature);
            object.set("urn", Json(value.as_string()));
            const Property& id = value.items().front();
            if (!id.is(Kind::null)) object.set("id", Json(id.is(Kind::unknown) ? "" : id.as_string()));
            return object;
        }
    }
    return Json();
}

base::Result<Property> read_property(const Json& json, const std::string& path, Secrets& secrets) {
    switch (json.type()) {
        case Json::Type::null:
            return Property();
        case Json::Type::boolean:
            return Property(json.as_bool());
        case Json::Type::number:
            return Property(json.as_double());
        case Json::Type::string:
            return rpc::is_unknown_mark(json.as_string()) ? Property::unknown() : Property(json.as_string());
        case Json::Type::array: {
            Property::Array items;
            for (const Json& item : json.items())
                items.push_back(TRY(read_property(item, path + "/" + std::to_string(items.size()), secrets)));
            return Property(std::move(items));
        }
        case Json::Type::object:
            break;
    }
    const std::string& mark = json[rpc::signature_key].as_string();
    if (mark == rpc::secret_signature) {
        const Json* plain = json.find("plaintext");
        const std::string inner =
            plain != nullptr ? plain->as_string() : TRY(secrets.decrypt_at(path, json["ciphertext"].as_string()));
        const Json value = TRY(text::parse_json(inner));
        return Property::secret(TRY(read_property(value, path, secrets)));
    }
    if (mark == rpc::reference_signature) {
        const Json* id = json.find("id");
        Property id_value;
        if (id != nullptr) id_value = id->as_string().empty() ? Property::unknown() : Property(id->as_string());
        return Property::reference(json["urn"].as_string(), std::move(id_value));
    }
    Property::Object members;
    for (const auto& [key, member] : json.members()) {
        if (key != rpc::signature_key) members.emplace(key, TRY(read_property(member, path + "/" + key, secrets)));
    }
    if (mark == rpc::asset_signature) return Property::asset(std::move(members));
    if (mark == rpc::archive_signature) return Property::archive(std::move(members));
    if (!mark.empty()) return base::fail(base::code::InvalidState, "a property with the unknown signature " + mark);
    return Property(std::move(members));
}

Json write_strings(const std::vector<std::string>& strings) {
    Json array = Json::array();
    for (const std::string& text : strings) array.push(Json(text));
    return array;
}

std::vector<std::string> read_strings(const Json& json) {
    std::vector<std::string> strings;
    for (const Json& item : json.items()) strings.push_back(item.as_string());
    return strings;
}

void set_unless_empty(Json& object, std::string_view key, const std::string& value) {
    if (!value.empty()) object.set(key, Json(value));
}
void set_unless_empty(Json& object, std::string_view key, const std::vector<std::string>& value) {
    if (!value.empty()) object.set(key, write_strings(value));
}
void set_if(Json& object, std::string_view key, bool value) {
    if (value) object.set(key, Json(true));
}

// What names its secrets for Secrets::encrypt_at: of one URN several may be doomed.
std::string path_of(const Resource& resource) { return resource.urn + (resource.doomed ? "#" + resource.id : ""); }

base::Result<Json> write_resource(const Resource& resource, Secrets& secrets) {
    const std::string path = path_of(resource);
    Json object = Json::object();
    object.set("urn", Json(resource.urn));
    object.set("custom", Json(resource.custom));
    set_if(object, "delete", resource.doomed);
    if (has_secret_id(resource))
        object.set("id", Json(std::string(sealed_id) + TRY(secrets.encrypt_at(path + "#id", resource.id))));
    else
        set_unless_empty(object, "id", resource.id);
    object.set("type", Json(resource.type));
    if (!resource.inputs.members().empty()) object.set("inputs", TRY(write_property(resource.inputs, path + "#inputs", secrets)));
    if (!resource.outputs.members().empty())
        object.set("outputs", TRY(write_property(resource.outputs, path + "#outputs", secrets)));
    set_unless_empty(object, "parent", resource.parent);
    set_if(object, "protect", resource.protect);
    set_if(object, "external", resource.external);
    set_unless_empty(object, "dependencies", resource.dependencies);
    set_unless_empty(object, "provider", resource.provider);
    if (!resource.property_dependencies.empty()) {
        Json dependencies = Json::object();
        for (const auto& [key, urns] : resource.property_dependencies) dependencies.set(key, write_strings(urns));
        object.set("propertyDependencies", std::move(dependencies));
    }
    set_unless_empty(object, "additionalSecretOutputs", resource.additional_secret_outputs);
    set_unless_empty(object, "importID", resource.import_id);
    set_if(object, "retainOnDelete", resource.retain_on_delete);
    set_unless_empty(object, "deletedWith", resource.deleted_with);
    set_unless_empty(object, "created", resource.created);
    set_unless_empty(object, "modified", resource.modified);
    set_unless_empty(object, "sourcePosition", resource.source_position);
    set_unless_empty(object, "ignoreChanges", resource.ignore_changes);
    set_unless_empty(object, "replaceOnChanges", resource.replace_on_changes);
    for (const auto& [key, value] : resource.others.members()) object.set(key, value);
    return object;
}

base::Result<Resource> read_resource(const Json& json, Secrets& secrets) {
    Resource resource;
    std::string path;
    resource.urn = json["urn"].as_string();
    if (urn_type(resource.urn).empty())
        return base::fail(base::code::InvalidState, "a resource without a valid urn: `" + resource.urn + "`");
    for (const auto& [key, value] : json.members()) {
        if (key == "urn") continue;
        if (key == "custom")
            resource.custom = value.as_bool();
        else if (key == "delete")
            resource.doomed = value.as_bool();
        else if (key == "id")
            resource.id = value.as_string();
        else if (key == "type")
            resource.type = value.as_string();
        else if (key == "inputs" || key == "outputs")
            continue;
        else if (key == "parent")
            resource.parent = value.as_string();
        else if (key == "protect")
            resource.protect = value.as_bool();
        else if (key == "external")
            resource.external = value.as_bool();
        else if (key == "dependencies")
            resource.dependencies = read_strings(value);
        else if (key == "provider")
            resource.provider = value.as_string();
        else if (key == "propertyDependencies") {
            for (const auto& [property, urns] : value.members()) resource.property_dependencies[property] = read_strings(urns);
        } else if (key == "additionalSecretOutputs")
            resource.additional_secret_outputs = read_strings(value);
        else if (key == "importID")
            resource.import_id = value.as_string();
        else if (key == "retainOnDelete")
            resource.retain_on_delete = value.as_bool();
        else if (key == "deletedWith")
            resource.deleted_with = value.as_string();
        else if (key == "created")
            resource.created = value.as_string();
        else if (key == "modified")
            resource.modified = value.as_string();
        else if (key == "sourcePosition")
            resource.source_position = value.as_string();
        else if (key == "ignoreChanges")
            resource.ignore_changes = read_strings(value);
        else if (key == "replaceOnChanges")
            resource.replace_on_changes = read_strings(value);
        else
            resource.others.set(key, value);
    }
    if (resource.id.starts_with(sealed_id)) {
        const std::string ciphertext = resource.id.substr(sealed_id.size());
        // The id is part of the path of a doomed resource, so it is opened first and remembered under that path.
        resource.id = TRY(secrets.decrypt(ciphertext));
        secrets.remember(path_of(resource) + "#id", resource.id, ciphertext);
    }
    path = path_of(resource);
    resource.inputs = Property(Property::Object{});
    resource.outputs = Property(Property::Object{});
    if (const Json* inputs = json.find("inputs")) resource.inputs = TRY(read_property(*inputs, path + "#inputs", secrets));
    if (const Json* outputs = json.find("outputs")) resource.outputs = TRY(read_property(*outputs, path + "#outputs", secrets));
    if (resource.type.empty()) resource.type = urn_type(resource.urn);
    return resource;
}

// Is there a secret in the form `ciphertext` or `plaintext`?
bool holds_secret_as(std::string_view form, const Json& json) {
    if (json.contains(form) && json[rpc::signature_key].as_string() == rpc::secret_signature) return true;
    return std::ranges::any_of(json.items(), [&](const Json& item) { return holds_secret_as(form, item); }) ||
           std::ranges::any_of(json.members(), [&](const auto& member) { return holds_secret_as(form, member.second); });
}

}  // namespace

std::vector<std::string> Resource::needs() const {
    std::set<std::string> urns(dependencies.begin(), dependencies.end());
    for (const auto& [property, from] : property_dependencies) urns.insert(from.begin(), from.end());
    urns.insert(parent);
    urns.insert(deleted_with);
    if (!provider.empty()) urns.insert(parse_provider_reference(provider).urn);
    urns.erase("");
    urns.erase(urn);
    return {urns.begin(), urns.end()};
}

ResourcePtr Snapshot::find(const std::string& urn) const {
    for (const ResourcePtr& resource : resources)
        if (!resource->doomed && resource->urn == urn) return resource;
    return nullptr;
}

Property Snapshot::stack_outputs() const {
    for (const ResourcePtr& resource : resources)
        if (!resource->doomed && resource->type == stack_type) return resource->outputs;
    return Property(Property::Object{});
}

base::Result<void> verify(const Snapshot& snapshot) {
    std::set<std::string> seen, live;
    for (const ResourcePtr& resource : snapshot.resources) {
        if (!resource->custom && !resource->id.empty())
            return base::fail(base::code::InvalidState, resource->urn + " is a component and has an id");
        if (!resource->doomed && !live.insert(resource->urn).second)
            return base::fail(base::code::InvalidState, resource->urn + " stands twice in the state");
        for (const std::string& need : resource->needs()) {
            if (!seen.contains(need) && need != resource->deleted_with)
                return base::fail(base::code::InvalidState,
                                  resource->urn + " needs " + need + ", which does not stand before it");
        }
        seen.insert(resource->urn);
    }
    return {};
}

base::Result<Json> write_deployment(const Snapshot& snapshot, Secrets& secrets, base::Time now) {
    Json resources = Json::array();
    for (const ResourcePtr& resource : snapshot.resources) resources.push(TRY(write_resource(*resource, secrets)));
    Json pending = Json::array();
    for (const PendingOperation& operation : snapshot.pending) {
        Json object = Json::object();
        object.set("resource", TRY(write_resource(operation.resource, secrets)));
        object.set("type", Json(operation.kind));
        pending.push(std::move(object));
    }
    Json manifest = Json::object();
    manifest.set("time", Json(text::iso8601_millis(now)));
    manifest.set("magic", Json(crypto::hex(crypto::sha256(writer_version))));
    manifest.set("version", Json(writer_version));
    Json deployment = Json::object();
    deployment.set("manifest", std::move(manifest));
    if (const std::string salt = secrets.salt_state(); !salt.empty()) {
        Json state = Json::object();
        state.set("salt", Json(salt));
        Json provider = Json::object();
        provider.set("type", Json("passphrase"));
        provider.set("state", std::move(state));
        deployment.set("secrets_providers", std::move(provider));
    }
    deployment.set("resources", std::move(resources));
    if (pending.size() > 0) deployment.set("pending_operations", std::move(pending));
    deployment.set("metadata", Json::object());
    return deployment;
}

base::Result<Snapshot> read_deployment(const Json& deployment, Secrets& secrets) {
    const std::string& type = deployment["secrets_providers"]["type"].as_string();
    if (!type.empty() && type != "passphrase" && holds_secret_as("ciphertext", deployment)) {
        return base::fail(base::Error(base::code::NotSupported, "the stack's secrets are sealed by the secrets provider `" +
                                                                    type + "`; only passphrase is supported")
                              .note("change it with Pulumi: pulumi stack change-secrets-provider passphrase"));
    }
    Snapshot snapshot;
    for (const Json& resource : deployment["resources"].items())
        snapshot.resources.push_back(std::make_shared<const Resource>(TRY(read_resource(resource, secrets))));
    for (const Json& operation : deployment["pending_operations"].items())
        snapshot.pending.push_back({operation["type"].as_string(), TRY(read_resource(operation["resource"], secrets))});
    TRY(verify(snapshot));
    return snapshot;
}

std::string read_salt_state(const Json& deployment) {
    const Json& provider = deployment["secrets_providers"];
    return provider["type"].as_string() == "passphrase" ? provider["state"]["salt"].as_string() : std::string();
}

bool holds_plaintext_secrets(const Json& deployment) { return holds_secret_as("plaintext", deployment); }

namespace {

std::vector<std::string> features_of(const Json& deployment) {
    static const std::vector<std::pair<const char*, const char*>> by_member = {
        {"resourceHooks", "hooks"}, {"refreshBeforeUpdate", "refreshBeforeUpdate"}, {"taint", "taint"}, {"viewOf", "views"}};
    std::vector<std::string> features;
    for (const auto& [member, feature] : by_member)
        for (const Json& resource : deployment["resources"].items())
            if (resource.contains(member)) {
                features.emplace_back(feature);
                break;
            }
    return features;
}

}  // namespace

base::Result<void> check_format(const Json& document, const std::string& where) {
    const int64_t version = document["version"].as_int();
    if (version != 3 && version != 4)
        return base::fail(base::code::NotSupported,
                          where + " has format version " + document["version"].as_string() + "; 3 and 4 are supported");
    static const std::set<std::string, std::less<>> known = {"hooks", "refreshBeforeUpdate", "taint", "views"};
    for (const Json& feature : document["features"].items())
        if (!known.contains(feature.as_string()))
            return base::fail(base::code::NotSupported,
                              where + " needs the feature `" + feature.as_string() + "`, which is not supported");
    return {};
}

void set_format(Json& document, const Json& deployment) {
    const std::vector<std::string> features = features_of(deployment);
    document.set("version", Json(features.empty() ? 3 : 4));
    if (!features.empty()) document.set("features", write_strings(features));
}

Json to_plain_json(const Property& value, bool show_secrets) {
    switch (value.kind()) {
        case Kind::null:
            return Json();
        case Kind::boolean:
            return Json(value.as_bool());
        case Kind::number:
            return Json(value.as_number());
        case Kind::string:
            return Json(value.as_string());
        case Kind::unknown:
            return Json("[unknown]");
        case Kind::secret:
            return show_secrets ? to_plain_json(value.items().front(), true) : Json("[secret]");
        case Kind::reference: {
            const Property& id = value.items().front();
            return id.is(Kind::string) ? Json(id.as_string()) : Json(value.as_string());
        }
        case Kind::array: {
            Json array = Json::array();
            for (const Property& item : value.items()) array.push(to_plain_json(item, show_secrets));
            return array;
        }
        case Kind::object:
        case Kind::asset:
        case Kind::archive: {
            Json object = Json::object();
            for (const auto& [key, member] : value.members()) object.set(key, to_plain_json(member, show_secrets));
            return object;
        }
    }
    return Json();
}

}  // namespace deploy
