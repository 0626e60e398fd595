#include "provider/iam_entity.hpp"

#include <algorithm>
#include <memory>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "provider/schema_rules.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;
using Kind = Property::Kind;

namespace {

using Entry = std::shared_ptr<const IamEntity>;

// The part of the id that stands for each member of the subject; ids of states made by Pulumi look different, so the state wins.
std::string part_of(const IamEntity& entity, size_t at, const std::string& id, const Property& known) {
    const std::string& property = entity.subject[at].property;
    if (known.contains(property)) return known[property].as_string();
    if (entity.subject.size() == 1) return id;
    const size_t end = id.find(entity.separator);
    if (at == 0) return id.substr(0, end);
    return end == std::string::npos ? "" : id.substr(end + 1);
}

Json subject_of(const IamEntity& entity, const std::string& id, const Property& known) {
    Json call = Json::object();
    for (size_t i = 0; i < entity.subject.size(); ++i) call.set(entity.subject[i].member, part_of(entity, i, id, known));
    return call;
}

std::string id_of(const IamEntity& entity, const Property& properties) {
    std::string id;
    for (const Member& part : entity.subject) {
        if (!id.empty()) id += entity.separator;
        id += properties[part.property].as_string();
    }
    return id;
}

const Json& at_path(const Json& json, std::string_view path) {
    const Json* at = &json;
    for (const std::string_view part : base::split(path, '.')) at = &(*at)[part];
    return *at;
}

Property output_of(const IamEntity& entity, const Member& output, const Json& answer) {
    const Json& value = at_path(answer, output.member);
    const Rule* rule = find_rule(entity.rules, output.property);
    const Shape shape = rule == nullptr ? Shape::text : rule->shape;
    if (shape == Shape::labels) return tags_from_list(value);
    if (shape == Shape::document) return decode_document(value.as_string());
    if (value.is_number()) return value.as_double();
    // What IAM leaves out is what it assumes.
    if (shape == Shape::number) return rule->fallback;
    return value.as_string();
}

Result<std::optional<Json>> find(Aws& aws, const IamEntity& entity, const std::string& id, const Property& known) {
    if (entity.list.empty()) {
        auto answer = aws.iam(entity.read, subject_of(entity, id, known));
        if (answer) return entity.answer.empty() ? *answer : (*answer)[entity.answer];
        if (is_gone(answer.error())) return std::nullopt;
        return fail(std::move(answer).error());
    }
    const Member& holder = entity.subject.front();
    const std::string held_by = part_of(entity, 0, id, known);
    const auto items = aws.iam_list(entity.read, Json::object({{holder.member, held_by}}), entity.list);
    if (!items) {
        if (is_gone(items.error())) return std::nullopt;
        return fail(items.error());
    }
    const std::string wanted = part_of(entity, entity.subject.size() - 1, id, known);
    for (const Json& item : *items) {
        if (item[entity.subject.back().member].as_string() != wanted) continue;
        Json found = item;
        found.set(holder.member, held_by);
        return found;
    }
    return std::nullopt;
}

base::Error blamed(Aws& aws, const IamEntity& entity, const Property& inputs, base::Error error) {
    // IAM says NoSuchEntity of both that it joins: whether the first is there tells which.
    if (!entity.list.empty() && error.code == base::code::NoSuchEntity) {
        const Member& holder = entity.subject.front();
        const bool is_there =
            aws.iam_list(entity.read, Json::object({{holder.member, inputs[holder.property].as_string()}}), entity.list)
                .has_value();
        return about_property(std::move(error), is_there ? entity.subject.back().property : holder.property);
    }
    for (const auto& [code, property] : entity.blame)
        if (error.code == code || *code == 0) return about_property(std::move(error), property);
    return error;
}

Result<State> create(Aws& aws, const IamEntity& entity, const Property& inputs) {
    Json call = Json::object();
    // What names it in the inputs; an ARN that IAM makes does not.
    if (!entity.arn_is_id) call = subject_of(entity, "", inputs);
    for (const Rule& rule : entity.rules) {
        if (rule.member.empty()) continue;
        if (rule.shape != Shape::labels)
            set_if_given(call, rule.member, inputs[rule.name]);
        else if (!inputs[rule.name].members().empty())
            call.set(rule.member, tag_list(inputs[rule.name]));
    }
    auto created = aws.iam(entity.create, call);
    if (!created) return fail(blamed(aws, entity, inputs, std::move(created).error()));
    const std::string arn = entity.answer.empty() ? "" : (*created)[entity.answer]["Arn"].as_string();
    std::string id = entity.arn_is_id ? arn : id_of(entity, inputs);
    if (!arn.empty()) {
        aws.made(arn);
        aws.made(id);
    }
    if (entity.complete == nullptr) return State{std::move(id), Property(Property::Object{})};
    if (const auto completed = entity.complete(aws, id, {}, inputs); !completed) {
        // All or nothing: without what it declares it would be in no state.
        const auto undone = entity.complete(aws, id, inputs, entity.nothing);
        const auto deleted = aws.iam(entity.remove, subject_of(entity, id, inputs));
        auto error = completed.error();
        if (!undone || !deleted)
            error.notes.push_back("the " + entity.kind + " `" + id + "` was made and could not be deleted again");
        return fail(std::move(error));
    }
    return State{std::move(id), Property(Property::Object{})};
}

Result<std::optional<Property>> read(Aws& aws, const IamEntity& entity, const std::string& id, const Property& known) {
    const auto found = TRY(find(aws, entity, id, known));
    if (!found) return std::nullopt;
    Property outputs{Property::Object{}};
    for (const Member& output : entity.outputs) outputs.set(output.property, output_of(entity, output, *found));
    if (!entity.tag.empty()) outputs.set("tagsAll", outputs["tags"]);
    if (entity.read_more != nullptr) TRY(entity.read_more(aws, id, known, *found, outputs));
    return outputs;
}

Json value_for(const IamEntity& entity, const std::string& property, const Property& news) {
    const Property& value = news[property];
    if (!value.is(Kind::null)) return value.to_json();
    const Rule* rule = find_rule(entity.rules, property);
    return rule == nullptr || rule->fallback.is(Kind::null) ? Json("") : rule->fallback.to_json();
}

Result<void> change(Aws& aws, const IamEntity& entity, const ResourceType& type, const Update& update, const std::string& id,
                    const Property& olds, const Property& news) {
    const bool changed =
        std::ranges::any_of(update.members, [&](const Member& one) { return differs(type, olds, news, {one.property}); });
    // A type whose create writes over what is there says so by an update of the same operation.
    if (!changed && update.operation != entity.create) return {};
    if (entity.before_update != nullptr) TRY(entity.before_update(aws, id, update.operation));
    const std::string& first = update.members.front().property;
    const bool none = !update.none.empty() && news[first].as_string().empty();
    Json call = subject_of(entity, id, news);
    for (const Member& one : update.members)
        if (!none) call.set(one.member, value_for(entity, one.property, news));
    for (const std::string& flag : update.flags) call.set(flag, true);
    auto done = aws.iam(none ? update.none : update.operation, call);
    if (done) return {};
    auto error = std::move(done).error();
    if (update.operation == entity.create) return fail(blamed(aws, entity, news, std::move(error)));
    return fail(update.members.size() == 1 ? about_property(std::move(error), first) : std::move(error));
}

Result<void> remove(Aws& aws, const IamEntity& entity, const std::string& id, const Property& olds) {
    aws.removed(id);
    if (!olds["arn"].as_string().empty()) aws.removed(olds["arn"].as_string());
    const Json call = subject_of(entity, id, olds);
    if (entity.complete != nullptr) TRY(entity.complete(aws, id, olds, entity.nothing));
    if (entity.before_remove != nullptr) {
        auto prepared = entity.before_remove(aws, id);
        if (!prepared && is_gone(prepared.error())) return {};
        TRY(std::move(prepared));
    }
    auto deleted = aws.iam(entity.remove, call);
    if (!deleted && deleted.error().code == base::code::DeleteConflict && entity.empty != nullptr) {
        TRY(entity.empty(aws, id, olds));
        deleted = aws.iam(entity.remove, call);
    }
    if (deleted || is_gone(deleted.error())) return {};
    auto error = std::move(deleted).error();
    if (error.code == base::code::DeleteConflict && !entity.conflict.empty()) {
        std::string note = entity.conflict;
        if (const size_t at = note.find("{}"); at != std::string::npos) note.replace(at, 2, id);
        error.notes.push_back(std::move(note));
    }
    return fail(std::move(error));
}

void add_operations(const IamEntity& entity, std::vector<std::string>& operations) {
    const auto add = [&](const std::string& operation) {
        if (!operation.empty() && std::ranges::find(operations, operation) == operations.end()) operations.push_back(operation);
    };
    add(entity.create);
    add(entity.read);
    for (const Update& update : entity.updates) {
        add(update.operation);
        add(update.none);
    }
    for (const std::string& operation : {entity.tag, entity.untag}) add(operation);
    for (const std::string& operation : entity.more_operations) add(operation);
    add(entity.remove);
}

}  // namespace

ResourceType iam_entity_type(IamEntity described) {
    const Entry entity = std::make_shared<const IamEntity>(std::move(described));
    ResourceType type{.tokens = entity->tokens, .rules = entity->rules, .name = entity->name};
    add_operations(*entity, type.operations);
    type.computed = entity->computed;
    type.computed_by_update = entity->computed_by_update;
    type.delete_before_replace = entity->delete_before_replace;
    type.unique_name = entity->has_arn;
    type.serialised_kind = entity->kind;
    type.serialised_by = entity->arn_is_id ? "name" : entity->subject.front().property;
    type.id = [entity](const Property& inputs, const Property& outputs) {
        return entity->arn_is_id ? outputs["arn"].as_string() : id_of(*entity, inputs);
    };
    if (entity->check != nullptr) type.check = entity->check;
    if (entity->declares != nullptr) type.declares = entity->declares;
    if (entity->has_arn)
        type.predict = [entity](Aws& aws, const Property& inputs, Property& outputs) {
            if (inputs["name"].has_unknowns() || inputs["path"].has_unknowns()) return;
            if (const auto arn = aws.iam_arn(entity->kind, inputs["path"].as_string(), inputs["name"].as_string()))
                outputs.set("arn", *arn);
        };
    type.create = [entity](Aws& aws, const Property& inputs) { return create(aws, *entity, inputs); };
    type.read = [entity](Aws& aws, const std::string& id, const Property& known) { return read(aws, *entity, id, known); };
    type.remove = [entity](Aws& aws, const std::string& id, const Property& olds) { return remove(aws, *entity, id, olds); };
    if (entity->updates.empty() && entity->tag.empty() && entity->complete == nullptr) return type;
    const auto compared = std::make_shared<const ResourceType>(ResourceType{.tokens = {}, .rules = entity->rules});
    type.update = [entity, compared](Aws& aws, const std::string& id, const Property& olds,
                                     const Property& news) -> Result<void> {
        for (const Update& update : entity->updates) TRY(change(aws, *entity, *compared, update, id, olds, news));
        if (!entity->tag.empty())
            TRY(aws.update_iam_tags(entity->tag, entity->untag, subject_of(*entity, id, news), olds["tags"], news["tags"]));
        if (entity->complete != nullptr) TRY(entity->complete(aws, id, olds, news));
        return {};
    };
    return type;
}

}  // namespace provider
