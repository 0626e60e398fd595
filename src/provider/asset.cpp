#include "provider/asset.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"

namespace provider {

using base::fail;
using base::Result;

Result<std::string> asset_content(const Property& asset) {
    if (asset.contains("text")) return asset["text"].as_string();
    const std::string& path = asset["path"].as_string();
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(base::code::InvalidAsset, "cannot read the file `" + path + "`: " + std::strerror(errno));
    std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.bad()) return fail(base::code::InvalidAsset, "cannot read the file `" + path + "` to its end");
    return content;
}

Result<Property> asset_with_hash(const Property& asset) {
    if (asset.is(Property::Kind::archive))
        return fail(base::code::InvalidAsset, "unsupported: an archive; give a file or a text");
    if (!asset.is(Property::Kind::asset)) return fail(base::code::InvalidAsset, "expected an asset");
    if (!asset.contains("text") && !asset.contains("path"))
        return fail(base::code::InvalidAsset, "unsupported: a remote asset; give a file or a text");
    const std::string content = TRY(asset_content(asset));
    Property hashed = asset;
    hashed.set("hash", crypto::hex(crypto::sha256(content)));
    return hashed;
}

bool same_asset(const Property& a, const Property& b) { return a["hash"].is(Property::Kind::string) && a["hash"] == b["hash"]; }

}  // namespace provider
