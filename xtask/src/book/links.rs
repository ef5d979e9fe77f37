//! Links: of the pages of the book to one another, and of the other texts of the repository to files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::Result;
use crate::process::{command, output, root, target};

/// Pages that hold others, whose links are checked where they stand, and the one for what is not found.
const COPIES: [&str; 3] = ["print.html", "toc.html", "404.html"];

/// Markdown outside the pages of the book whose links are not looked at where they stand: design notes are included in pages,
/// and templates are filled in first.
const ELSEWHERE: [&str; 3] = ["docs/src/", "docs/design/", "templates/"];

/// A page: what can be pointed at in it, and where its links point.
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
}

/// Follows every link inside the book, and every relative link of the Markdown files outside of it.
pub(super) fn check(book: &Path) -> Result<()> {
    let mut faults = unlisted()?;
    let mut pages = BTreeMap::new();
    gather(book, book, &mut pages)?;
    let mut followed = 0;
    for (name, page) in pages.iter().filter(|(name, _)| !COPIES.contains(&name.as_str())) {
        for link in page.links.iter().filter(|link| is_inside(link)) {
            followed += 1;
            if let Some(fault) = follow(book, &pages, name, link) {
                faults.push(format!("{name}: {link}: {fault}"));
            }
        }
    }
    let (of_texts, of_text_faults) = texts()?;
    faults.extend(of_text_faults);
    println!("{} pages, {followed} links inside the book, {of_texts} in other texts", pages.len());
    for fault in &faults {
        println!("{fault}");
    }
    if followed == 0 {
        return Err("no link was found in the book".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("{} links or pages are wrong", faults.len())) }
}

/// Whether a link stays in the book.
fn is_inside(link: &str) -> bool {
    let scheme = link.split_once(':').map_or("", |(before, _)| before);
    !link.is_empty()
        && !link.starts_with("//")
        && (scheme.is_empty() || scheme.contains(['/', '#', '?', '.']))
}

fn gather(book: &Path, folder: &Path, pages: &mut BTreeMap<String, Page>) -> Result<()> {
    for entry in list(folder)? {
        if entry.is_dir() {
            gather(book, &entry, pages)?;
        } else if entry.extension().is_some_and(|ending| ending == "html") {
            let name = entry.strip_prefix(book).unwrap_or(&entry).to_string_lossy().into_owned();
            pages.insert(name, read(&text(&entry)?));
        }
    }
    Ok(())
}

fn read(html: &str) -> Page {
    let attributes = |name: &str| -> Vec<String> {
        let start = format!(" {name}=\"");
        let pieces = html.split(&start).skip(1).filter_map(|rest| rest.split_once('"'));
        pieces.map(|(value, _)| plain(value)).collect()
    };
    let mut links = attributes("href");
    links.extend(attributes("src"));
    Page { anchors: attributes("id").into_iter().collect(), links }
}

/// A value of an attribute without the characters that HTML writes otherwise.
fn plain(value: &str) -> String {
    value
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What is wrong with a link, if anything.
fn follow(book: &Path, pages: &BTreeMap<String, Page>, from: &str, link: &str) -> Option<String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = path.split('?').next().unwrap_or_default();
    let name = if path.is_empty() {
        from.to_owned()
    } else {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        match normal(&folder.join(path)) {
            Some(name) => name,
            None => return Some("leads out of the book".to_owned()),
        }
    };
    // The documentation of the code is published beside the book and made by another step.
    if let Some(rest) = name.strip_prefix("api/") {
        let docs = target().join("doc");
        return (docs.exists() && !docs.join(rest).exists())
            .then(|| "is not in the documentation of the code".to_owned());
    }
    match pages.get(&name) {
        Some(page) if anchor.is_empty() || page.anchors.contains(&decoded(anchor)) => None,
        Some(_) => Some(format!("{name} has no such place")),
        None if book.join(&name).is_file() => None,
        None => Some("there is no such file".to_owned()),
    }
}

/// A path without `..`; none when it leads out.
fn normal(path: &Path) -> Option<String> {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir if out.pop() => {}
            _ => return None,
        }
    }
    Some(out.to_string_lossy().into_owned())
}

/// Text with `%41` for `A`.
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                out.push(byte);
                rest = &after[2..];
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Pages under `docs/src` that the summary does not list, so that nobody finds them.
fn unlisted() -> Result<Vec<String>> {
    let folder = root().join("docs/src");
    let summary = text(&folder.join("SUMMARY.md"))?;
    let mut faults = Vec::new();
    for folder in [folder.clone(), folder.join("design")] {
        for path in list(&folder)?.iter().filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        {
            let name =
                path.strip_prefix(root().join("docs/src")).unwrap_or(path).to_string_lossy().into_owned();
            if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
                faults.push(format!("docs/src/{name}: SUMMARY.md does not list it"));
            }
        }
    }
    Ok(faults)
}

/// The relative links of the Markdown files outside the book: how many, and which lead nowhere.
fn texts() -> Result<(usize, Vec<String>)> {
    let list = output(command("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "*.md",
    ]))?;
    let list = String::from_utf8(list).map_err(|_| "git ls-files: a file name that is not UTF-8")?;
    let (mut count, mut faults) = (0, Vec::new());
    let is_elsewhere = |name: &&str| ELSEWHERE.iter().any(|folder| name.starts_with(folder));
    for name in list.split_terminator('\0').filter(|name| !is_elsewhere(name)) {
        let path = root().join(name);
        if !path.is_file() {
            continue;
        }
        for link in markdown_links(&text(&path)?).iter().filter(|link| is_inside(link)) {
            count += 1;
            let file = link.split('#').next().unwrap_or_default();
            let folder = path.parent().unwrap_or(&path);
            if !file.is_empty() && !folder.join(file).exists() {
                faults.push(format!("{name}: {link}: there is no such file"));
            }
        }
    }
    Ok((count, faults))
}

/// Where the links of a Markdown text point; what stands in code is none.
fn markdown_links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let line: Vec<&str> = line.split('`').step_by(2).collect();
        let line = line.join("code");
        let pieces = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        links.extend(pieces.map(|(link, _)| link.to_owned()));
    }
    links
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_to_files_and_places() {
        let page = |html: &str| read(html);
        let pages = BTreeMap::from([
            ("a.html".to_owned(), page("<a href=\"design/b.html#x\"> <h2 id=\"caf\u{e9}\">")),
            ("design/b.html".to_owned(), page("<h1 id=\"x\"><img src=\"../a.html\">")),
        ]);
        assert_eq!(pages["a.html"].links, ["design/b.html#x"]);
        assert_eq!(pages["design/b.html"].links, ["../a.html"]);
        let nowhere = Path::new("no-such-folder");
        let follow = |from: &str, link: &str| follow(nowhere, &pages, from, link);
        for (from, link) in
            [("a.html", "design/b.html#x"), ("design/b.html", "../a.html#caf%C3%A9"), ("design/b.html", "#x")]
        {
            assert_eq!(follow(from, link), None, "{link}");
        }
        for (from, link, part) in [
            ("a.html", "design/b.html#y", "no such place"),
            ("a.html", "c.html", "no such file"),
            ("a.html", "../a.html", "out of the book"),
        ] {
            assert!(follow(from, link).unwrap().contains(part), "{link}");
        }
    }

    #[test]
    fn what_leads_away_is_not_followed() {
        for link in ["a.html", "#x", "../a.html#b:c", "x/y:z"] {
            assert!(is_inside(link), "{link}");
        }
        for link in ["https://x.org", "mailto:a@b", "data:image/png;base64,x", "//x.org", "", "javascript:x"]
        {
            assert!(!is_inside(link), "{link}");
        }
    }

    #[test]
    fn links_of_markdown_are_found_outside_of_code() {
        let text = "a [b](c.md) `[d](e.md)` [`f`](g.md#h)\n```\n[i](j.md)\n```\n[k](l.md)";
        assert_eq!(markdown_links(text), ["c.md", "g.md#h", "l.md"]);
    }
}
