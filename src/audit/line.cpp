#include "audit/line.hpp"

#include <charconv>

#include "audit/raw_writer.hpp"
#include "crypto/digest.hpp"
#include "text/base64.hpp"

namespace audit {
namespace {

constexpr size_t chain_bytes = 32;
constexpr size_t short_digits = 16;
constexpr std::string_view before_number = "{\"n\":";
constexpr std::string_view before_hash = ",\"h\":\"";
constexpr std::string_view after_hash = "\"}";
constexpr size_t tail_bytes = before_hash.size() + short_digits + after_hash.size();

std::string short_form(const Chain& chain) { return crypto::hex(std::string_view(chain).substr(0, short_digits / 2)); }

std::string from_hex(std::string_view digits) {
    std::string out;
    for (size_t i = 0; i + 1 < digits.size(); i += 2) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(digits.data() + i, digits.data() + i + 2, value, 16);
        if (error != std::errc() || end != digits.data() + i + 2) return {};
        out += static_cast<char>(value);
    }
    return out;
}

}  // namespace

Chain first_chain() { return Chain(chain_bytes, '\0'); }

void begin_line(std::string& out, uint64_t number) {
    const size_t before = out.size();
    out.resize_and_overwrite(before + before_number.size() + RawWriter::number_bytes_max + 1, [&](char* begin, size_t) {
        RawWriter writer(begin + before);
        writer.put(before_number);
        writer.put_number(static_cast<int64_t>(number));
        writer.put(",");
        return static_cast<size_t>(writer.at() - begin);
    });
}

void end_line(std::string& out, size_t begin, Chain& chain) {
    // In one piece behind the chain value, so that it is hashed in one call.
    std::string hashed;
    hashed.reserve(chain_bytes + out.size() - begin);
    hashed += chain;
    hashed.append(out, begin);
    chain = crypto::sha256(hashed);
    out += before_hash;
    out += short_form(chain);
    out += after_hash;
}

std::string make_line(uint64_t number, std::string_view members, Chain& chain) {
    std::string out;
    begin_line(out, number);
    out += members;
    end_line(out, 0, chain);
    return out;
}

bool follow(std::string_view line, Chain& chain) {
    const bool whole = line.size() > tail_bytes && line.substr(line.size() - tail_bytes, before_hash.size()) == before_hash &&
                       line.ends_with(after_hash);
    chain = crypto::sha256(chain + std::string(whole ? line.substr(0, line.size() - tail_bytes) : line));
    return whole && line.substr(line.size() - after_hash.size() - short_digits, short_digits) == short_form(chain);
}

Line read_line(std::string_view line, Chain& chain) {
    Line out;
    out.holds = follow(line, chain);
    if (line.starts_with(before_number)) {
        const std::string_view rest = line.substr(before_number.size());
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.number);
        if (error != std::errc()) out.number = 0;
    }
    if (auto json = text::parse_json(line); json && json->is_object()) out.json = std::move(*json);
    return out;
}

std::string signed_text(const Head& head) {
    return "trainwarden audit head\nstream " + head.stream + "\nlines " + std::to_string(head.lines) + "\nchain " +
           crypto::hex(head.chain) + "\ntime " + std::to_string(head.time) + "\nkey " + head.key + "\n";
}

text::Json to_json(const Head& head) {
    return text::Json::object({{"stream", head.stream},
                               {"lines", head.lines},
                               {"chain", crypto::hex(head.chain)},
                               {"time", head.time},
                               {"key", head.key},
                               {"signature", text::encode_base64(head.signature)}});
}

std::optional<Head> read_head(const text::Json& json) {
    const auto signature = text::decode_base64(json["signature"].as_string());
    Head head{.stream = json["stream"].as_string(),
              .lines = static_cast<uint64_t>(json["lines"].as_int()),
              .chain = from_hex(json["chain"].as_string()),
              .time = json["time"].as_int(),
              .key = json["key"].as_string(),
              .signature = signature ? *signature : ""};
    if (head.chain.size() != chain_bytes || head.signature.empty()) return std::nullopt;
    return head;
}

}  // namespace audit
