#include "lint/collector.hpp"

#include <algorithm>
#include <map>

#include "base/nearest.hpp"

namespace lint {

namespace {

constexpr size_t shown_max = 200;

}  // namespace

std::string shown(std::string_view text) {
    if (text.size() <= shown_max) return "`" + std::string(text) + "`";
    size_t end = shown_max;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // characters stay whole
    return "`" + std::string(text.substr(0, end)) + "...`";
}

std::string meant(std::string_view word, const std::vector<std::string>& known) {
    if (word.size() > shown_max) return "";
    const std::string near = base::nearest(word, known);
    return near.empty() ? "" : " Did you mean `" + near + "`?";
}

std::vector<PathElement> Place::path() const {
    std::vector<PathElement> out;
    for (size_t i = 0; i < depth_; ++i) {
        const Step& step = steps_[i];
        using Kind = PathElement::Kind;
        if (step.name == nullptr) {
            out.push_back({.kind = Kind::index, .name = {}, .index = step.index});
        } else {
            out.push_back({.kind = step.key ? Kind::key : Kind::value, .name = *step.name});
        }
    }
    return out;
}

void Collector::add(const Check& check, std::string details, std::vector<Place> places) {
    if (is_full())
        return unknown("more findings: " + std::to_string(limits_.findings_max) + " of one document are shown (findings_max)");
    pending_.push_back({check, std::move(details), std::move(places), {}});
}

void Collector::add_at(const Check& check, std::string details, size_t byte) {
    if (is_full()) return;
    pending_.push_back({check, std::move(details), {}, {byte, byte}});
}

void Collector::unknown(std::string what) {
    if (std::ranges::find(unknown_, what) == unknown_.end()) unknown_.push_back(std::move(what));
}

Position Positions::of(size_t byte) {
    for (; at_ < std::min(byte, document_.size()); ++at_) {
        const char c = document_[at_];
        if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) continue;  // the rest of a character
        ++here_.offset;
        const bool ends_line = c == '\n' || (c == '\r' && (at_ + 1 == document_.size() || document_[at_ + 1] != '\n'));
        if (ends_line) {
            ++here_.line;
            here_.column = 0;
        } else {
            ++here_.column;
        }
    }
    return here_;
}

Report Collector::finish(std::string_view document) && {
    std::map<size_t, Position> positions;
    for (const Pending& one : pending_) {
        for (const Place& place : one.places) positions[place.range().begin], positions[place.range().end];
        if (one.places.empty()) positions[one.at.begin];
    }
    Positions walk(document);
    for (auto& [byte, position] : positions) position = walk.of(byte);
    const auto begin_of = [](const Pending& one) { return one.places.empty() ? one.at.begin : one.places.front().range().begin; };
    std::vector<std::pair<size_t, size_t>> order;  // what begins at one place stays in the order of the checks
    for (size_t i = 0; i < pending_.size(); ++i) order.emplace_back(begin_of(pending_[i]), i);
    std::ranges::sort(order);
    Report out;
    for (const auto& [begin, which] : order) {
        Pending& one = pending_[which];
        Finding& finding = out.findings.emplace_back();
        finding.kind = one.check.kind;
        finding.code = one.check.code;
        finding.details = std::move(one.details);
        finding.learn_more = learn_more(one.check);
        for (const Place& place : one.places)
            finding.locations.push_back({place.path(), {positions[place.range().begin], positions[place.range().end]}});
        if (one.places.empty()) finding.locations.push_back({{}, {positions[one.at.begin], positions[one.at.begin]}});
    }
    out.unknown = std::move(unknown_);
    return out;
}

}  // namespace lint
