// The files of the record: audit-NNNNNNNN.jsonl, appended with one write(2) a record under one lock.
//
// Why no batching: a record is a kilobyte and a write to the page cache microseconds; a batch would only make the answer wait for
// its neighbours. A full disk: nothing is recorded and so nothing is done, except by threads that may use the reserve (deletes,
// store/reserve.hpp). Power loss may take the last seconds (no fsync): the objects and policies that were changed are
// durable on their own, and what is lost is lost from the end.
#include "audit/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <unordered_map>

#include "base/log.hpp"
#include "base/utf8.hpp"
#include "store/reserve.hpp"

namespace audit {
namespace {

constexpr size_t indexed_records_max = 100'000;
constexpr uint64_t reserved_bytes = 8u << 20;  // some thousand records of deletes

std::string file_name(uint64_t number) {
    std::string digits = std::to_string(number);
    return "audit-" + std::string(digits.size() < 8 ? 8 - digits.size() : 0, '0') + digits + ".jsonl";
}

std::optional<uint64_t> file_number(const std::string& name) {
    if (!name.starts_with("audit-") || !name.ends_with(".jsonl")) return std::nullopt;
    std::string digits = name.substr(6, name.size() - 12);
    if (digits.empty() || digits.size() > 18 || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    return std::stoull(digits);
}

// The path is for the log of whoever runs the server: messages travel to clients.
std::unexpected<base::Error> broken(const std::string& what, const std::string& path) {
    const int error = errno;
    if (error == ENOSPC || error == EDQUOT) {
        base::log_error(what + " `" + path + "`: " + std::strerror(error));
        return base::fail("InsufficientStorage",
                          "The server's disk is full: the decision cannot be recorded, so nothing is done. Deletes work.");
    }
    return base::fail("AuditUnavailable", what + " `" + path + "`: " + std::strerror(error));
}

// Files of earlier versions may hold a client's bytes that are no UTF-8: their records are read all the same.
bool next_record(std::ifstream& file, std::string& line) {
    if (!std::getline(file, line)) return false;
    line = base::valid_utf8(line);
    return true;
}

class FileLog final : public Log {
public:
    explicit FileLog(LogOptions options) : options_(std::move(options)) {}
    ~FileLog() override {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

    base::Result<void> start() {
        std::error_code error;
        std::filesystem::create_directories(options_.directory, error);
        if (error) return base::fail("AuditUnavailable", "cannot make `" + options_.directory + "`: " + error.message());
        ::chmod(options_.directory.c_str(), 0700);
        reserve_.emplace(options_.directory + "/reserved-space", reserved_bytes);
        auto numbers = file_numbers();
        return open_file(numbers.empty() ? 1 : numbers.back());
    }

    base::Result<void> append(const Record& record) override {
        std::string line = to_json(record).dump();
        line += '\n';
        const bool may_use_reserve = store::MayUseReserve::here();
        if (!may_use_reserve && !reserve_->whole()) {
            errno = ENOSPC;
            return broken("cannot write", options_.directory);
        }
        std::lock_guard lock(mutex_);
        auto written = write_line(line);
        if (!written && written.error().code == "InsufficientStorage" && may_use_reserve) {
            reserve_->release();
            written = write_line(line);
        }
        if (!written) return written;
        remember(record.request_id, {number_, size_, line.size() - 1});
        size_ += line.size();
        return {};
    }

    base::Result<std::vector<std::string>> find(const std::string& request_id) const override {
        std::vector<std::string> found;
        for (const Place& place : recall(request_id)) {
            if (auto line = read_at(place)) found.push_back(std::move(*line));
        }
        if (!found.empty()) return found;
        const std::string needle = "\"RequestId\":" + text::quote_json(request_id);
        auto numbers = file_numbers();
        for (auto number = numbers.rbegin(); number != numbers.rend() && found.empty(); ++number) {
            std::ifstream file(path(*number));
            std::string line;
            while (next_record(file, line)) {
                // The id stands second, before anything that a client wrote.
                if (line.substr(0, 160).find(needle) != std::string::npos && text::parse_json(line)) found.push_back(line);
            }
        }
        if (found.empty()) return base::fail("NoSuchRequest", "no request `" + request_id + "` is in the audit log");
        return found;
    }

    base::Result<void> each(const std::function<bool(std::string_view)>& visit) const override {
        for (uint64_t number : file_numbers()) {
            std::ifstream file(path(number));
            std::string line;
            while (next_record(file, line)) {
                if (line.empty() || line.front() != '{' || line.back() != '}') continue;  // a torn line
                if (!visit(line)) return {};
            }
        }
        return {};
    }

private:
    struct Place {
        uint64_t file, offset, length;
    };

    // REQUIRES: the lock. Leaves no part of the line behind.
    base::Result<void> write_line(const std::string& line) {
        if (size_ > 0 && size_ + line.size() > options_.file_bytes_max) TRY(rotate());
        size_t done = 0;
        while (done < line.size()) {
            ssize_t n = ::write(descriptor_, line.data() + done, line.size() - done);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                auto error = broken("cannot write", path(number_));
                // Take back the torn beginning; if even that fails the next start ends the line.
                if (done > 0 && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) size_ += done;
                return error;
            }
            done += static_cast<size_t>(n);
        }
        return {};
    }

    std::string path(uint64_t number) const { return options_.directory + "/" + file_name(number); }

    std::vector<uint64_t> file_numbers() const {
        std::vector<uint64_t> numbers;
        std::error_code error;
        for (const auto& entry : std::filesystem::directory_iterator(options_.directory, error)) {
            if (auto number = file_number(entry.path().filename().string())) numbers.push_back(*number);
        }
        std::ranges::sort(numbers);
        return numbers;
    }

    base::Result<void> open_file(uint64_t number) {
        int descriptor = ::open(path(number).c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (descriptor < 0) return broken("cannot open", path(number));
        struct stat status{};
        if (::fstat(descriptor, &status) != 0) {
            ::close(descriptor);
            return broken("cannot read", path(number));
        }
        auto size = static_cast<uint64_t>(status.st_size);
        char last = '\n';
        if (size > 0 && ::pread(descriptor, &last, 1, static_cast<off_t>(size - 1)) == 1 && last != '\n') {
            if (::write(descriptor, "\n", 1) != 1) {
                ::close(descriptor);
                return broken("cannot write", path(number));
            }
            ++size;
        }
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = descriptor;
        number_ = number;
        size_ = size;
        return {};
    }

    base::Result<void> rotate() {
        TRY(open_file(number_ + 1));
        auto numbers = file_numbers();
        for (size_t i = 0; i + options_.files_max < numbers.size(); ++i) ::unlink(path(numbers[i]).c_str());
        return {};
    }

    void remember(const std::string& id, Place place) {
        if (order_.size() >= indexed_records_max) {
            index_.erase(order_.front());
            order_.pop_front();
        }
        auto& places = index_[id];
        if (places.empty()) order_.push_back(id);
        places.push_back(place);
    }

    std::vector<Place> recall(const std::string& id) const {
        std::lock_guard lock(mutex_);
        auto it = index_.find(id);
        return it == index_.end() ? std::vector<Place>{} : it->second;
    }

    std::optional<std::string> read_at(const Place& place) const {
        int descriptor = ::open(path(place.file).c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0) return std::nullopt;  // rotated away
        std::string line(place.length, '\0');
        ssize_t n = ::pread(descriptor, line.data(), line.size(), static_cast<off_t>(place.offset));
        ::close(descriptor);
        if (n != static_cast<ssize_t>(line.size())) return std::nullopt;
        return line;
    }

    LogOptions options_;
    std::optional<store::SpaceReserve> reserve_;
    mutable std::mutex mutex_;
    int descriptor_ = -1;
    uint64_t number_ = 0, size_ = 0;
    std::unordered_map<std::string, std::vector<Place>> index_;
    std::deque<std::string> order_;
};

}  // namespace

base::Result<std::unique_ptr<Log>> Log::open(LogOptions options) {
    auto log = std::make_unique<FileLog>(std::move(options));
    TRY(log->start());
    return log;
}

}  // namespace audit
