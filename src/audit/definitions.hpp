// What the segment that is written has numbers for: texts that records share. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "audit/raw_writer.hpp"
#include "audit/record_text.hpp"
#include "base/small_vector.hpp"

namespace audit {

// Definitions of one segment; what is over is written out in each line.
constexpr size_t definitions_max = 65536;
constexpr size_t definitions_bytes_max = 8u << 20;

class Definitions {
public:
    // `count`: definitions that it has already, of an earlier process, to which nothing new refers.
    void begin_segment(uint32_t count);

    [[nodiscard]] std::optional<uint32_t> find(const SharedText& text) const {
        const auto known = text.number_in(segment_);
        return known ? known : look_up(text);
    }
    // Is there room for one more behind `count` that are about to be added?
    [[nodiscard]] bool takes(size_t count, size_t bytes) const {
        return by_text_.size() + count < definitions_max && bytes_ + bytes < definitions_bytes_max;
    }
    [[nodiscard]] uint32_t next() const { return next_; }
    // It gets the number `next()`. Once it stands in the segment: a line that refers to what is not there says nothing.
    void add(const SharedText& text);

private:
    [[nodiscard]] std::optional<uint32_t> look_up(const SharedText& text) const;

    std::unordered_map<std::string, uint32_t> by_text_;
    size_t bytes_ = 0;
    uint32_t next_ = 0;
    uint32_t segment_ = 0;  // as SharedText has it
};

// Appends the members of a record's line. `number_of(shared)`: of a definition; none: its text stands in the line.
template <class NumberOf>
void append_record(std::string& out, const RecordText& text, NumberOf&& number_of) {
    constexpr int64_t none = -1;
    base::SmallVector<int64_t, usual_shared_max> numbers;
    const size_t before = out.size();
    size_t most = before + text.own.size();
    for (const RecordText::Shared& one : text.shared) {
        const std::optional<uint32_t> number = number_of(*one.text);
        numbers.push_back(number ? int64_t{*number} : none);
        most += number ? RawWriter::number_bytes_max : one.text->text.size();
    }
    // In one go: it is done while the log is locked.
    out.resize_and_overwrite(most, [&](char* begin, size_t) {
        RawWriter writer(begin + before);
        const int64_t* number = numbers.begin();
        text.each([&](std::string_view own) { writer.put(own); },
                  [&](const SharedText& shared) {
                      if (*number == none)
                          writer.put(shared.text);
                      else
                          writer.put_number(*number);
                      ++number;
                  });
        return static_cast<size_t>(writer.at() - begin);
    });
}

}  // namespace audit
