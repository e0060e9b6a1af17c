// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tree of files that the guest starts with, and its cpio archive.

use anyhow::{Context, Result, bail};
use cpio::newc::{self, ModeFileType};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Directory,
    Symlink(PathBuf),
    /// A symlink that gives way to anything else at its path, as busybox's applets do to the host's
    /// programs.
    Default(PathBuf),
    File {
        content: Content,
        mode: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Of(PathBuf),
    Bytes(Vec<u8>),
}

/// More symlinks than this in one path are a loop, as for the kernel.
const MAX_SYMLINKS: usize = 40;

/// The guest's files by absolute path. No key leads through a symlink, so what the host has in /bin
/// and what it has in /usr/bin end up in the same place when one of them is a symlink to the other.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

impl Tree {
    /// Adds a node, with the directories above it.
    pub fn add(&mut self, path: impl AsRef<Path>, node: Node) -> Result<()> {
        let path = path.as_ref();
        let place = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => self.resolve(parent)?.join(name),
            _ => return Ok(()),
        };
        let parents: Vec<PathBuf> = place
            .ancestors()
            .skip(1)
            .filter(|p| p.file_name().is_some())
            .map(Path::to_owned)
            .collect();
        for parent in parents {
            match self.nodes.entry(parent).or_insert(Node::Directory) {
                Node::Directory => {}
                _ => bail!("{}: a file is in the way in the guest", place.display()),
            }
        }
        match (self.nodes.get(&place), &node) {
            (None | Some(Node::Default(_)), _) => {
                self.nodes.insert(place, node);
            }
            (Some(_), Node::Default(_)) => {}
            (Some(there), _) if same(there, &node)? => {}
            // A directory that a symlink of the guest stands for.
            (Some(Node::Symlink(_)), Node::Directory) => {}
            (Some(there), _) => bail!(
                "{} can't be carried in twice with different contents: {there:?} and {node:?}. \
                 Build the program statically, or give a --file another guest path.",
                place.display()
            ),
        }
        Ok(())
    }

    pub fn add_bytes(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> Result<()> {
        self.add(
            path,
            Node::File {
                content: Content::Bytes(bytes.into()),
                mode,
            },
        )
    }

    /// Adds a host file under a name of the guest.
    pub fn add_file(&mut self, guest: &Path, host: &Path) -> Result<()> {
        let mode = fs::metadata(host)
            .with_context(|| host.display().to_string())?
            .permissions()
            .mode()
            & 0o7777;
        self.add(
            guest,
            Node::File {
                content: Content::Of(host.to_owned()),
                mode,
            },
        )
    }

    /// Adds what is at a path of the host, and every symlink that leads there. `root` is what the
    /// host's `/` is for this path. Returns the file's real path below `root`.
    pub fn carry(&mut self, root: &Path, path: &Path) -> Result<PathBuf> {
        let mut rest: VecDeque<OsString> = path
            .components()
            .map(|c| c.as_os_str().to_owned())
            .collect();
        let mut real = PathBuf::from("/");
        let mut symlinks = 0;
        while let Some(part) = rest.pop_front() {
            match Path::new(&part).components().next() {
                Some(Component::Normal(_)) => {}
                Some(Component::ParentDir) => {
                    real.pop();
                    continue;
                }
                Some(Component::RootDir) => {
                    real = PathBuf::from("/");
                    continue;
                }
                _ => continue,
            }
            let next = real.join(&part);
            let on_host = below(root, &next);
            let metadata =
                fs::symlink_metadata(&on_host).with_context(|| on_host.display().to_string())?;
            if metadata.is_symlink() {
                symlinks += 1;
                if symlinks > MAX_SYMLINKS {
                    bail!("{}: too many symlinks", path.display());
                }
                let target = fs::read_link(&on_host)?;
                self.add(&next, Node::Symlink(target.clone()))?;
                for part in target.components().rev() {
                    rest.push_front(part.as_os_str().to_owned());
                }
            } else if metadata.is_dir() {
                self.add(&next, Node::Directory)?;
                real = next;
            } else {
                self.add_file(&next, &on_host)?;
                real = next;
            }
        }
        Ok(real)
    }

    /// Adds a host directory with everything in it under a name of the guest; returns the guest
    /// paths of its executable files with their host paths. Sockets, pipes and devices are left
    /// out.
    pub fn add_directory(&mut self, guest: &Path, host: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
        self.add(guest, Node::Directory)?;
        let mut executables = Vec::new();
        for entry in fs::read_dir(host).with_context(|| host.display().to_string())? {
            let entry = entry?;
            let (inside, outside) = (guest.join(entry.file_name()), entry.path());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                executables.extend(self.add_directory(&inside, &outside)?);
            } else if kind.is_symlink() {
                self.add(&inside, Node::Symlink(fs::read_link(&outside)?))?;
            } else if kind.is_file() {
                self.add_file(&inside, &outside)?;
                if entry.metadata()?.permissions().mode() & 0o111 != 0 {
                    executables.push((inside, outside));
                }
            }
        }
        Ok(executables)
    }

    /// Whether the guest has something at a path.
    pub fn contains(&self, path: &Path) -> bool {
        match (path.parent().map(|p| self.resolve(p)), path.file_name()) {
            (Some(Ok(parent)), Some(name)) => self.nodes.contains_key(&parent.join(name)),
            _ => false,
        }
    }

    /// Whether what the guest has at a path may give way.
    pub fn is_default(&self, path: &Path) -> bool {
        match (path.parent().map(|p| self.resolve(p)), path.file_name()) {
            (Some(Ok(parent)), Some(name)) => {
                matches!(self.nodes.get(&parent.join(name)), Some(Node::Default(_)))
            }
            _ => false,
        }
    }

    /// A path with the symlinks that the guest has followed.
    fn resolve(&self, path: &Path) -> Result<PathBuf> {
        let mut rest: VecDeque<OsString> = path
            .components()
            .map(|c| c.as_os_str().to_owned())
            .collect();
        let mut real = PathBuf::from("/");
        let mut symlinks = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                real.pop();
                continue;
            }
            let next = if part == "/" {
                PathBuf::from("/")
            } else {
                real.join(&part)
            };
            match self.nodes.get(&next) {
                Some(Node::Symlink(target) | Node::Default(target)) => {
                    symlinks += 1;
                    if symlinks > MAX_SYMLINKS {
                        bail!("{}: too many symlinks", path.display());
                    }
                    for part in target.components().rev() {
                        rest.push_front(part.as_os_str().to_owned());
                    }
                }
                _ => real = next,
            }
        }
        Ok(real)
    }

    /// Writes the archive, in the format that the kernel unpacks.
    pub fn write(&self, mut to: impl Write) -> Result<()> {
        for (number, (path, node)) in self.nodes.iter().enumerate() {
            let name = path.strip_prefix("/").unwrap_or(path);
            let name = name
                .to_str()
                .with_context(|| format!("{}: the name is not UTF-8", path.display()))?;
            let entry = newc::Builder::new(name)
                .ino(u32::try_from(number)? + 1)
                .nlink(1);
            match node {
                Node::Directory => {
                    // Programs of an ordinary user are to make their temporary files.
                    let mode = if name == "tmp" { 0o1777 } else { 0o755 };
                    let entry = entry.mode(mode).set_mode_file_type(ModeFileType::Directory);
                    to = entry.write(to, 0).finish()?;
                }
                Node::Symlink(target) | Node::Default(target) => {
                    let target = target.as_os_str().as_bytes();
                    let entry = entry.mode(0o777).set_mode_file_type(ModeFileType::Symlink);
                    let mut writer = entry.write(to, u32::try_from(target.len())?);
                    writer.write_all(target)?;
                    to = writer.finish()?;
                }
                Node::File { content, mode } => {
                    let entry = entry.mode(*mode).set_mode_file_type(ModeFileType::Regular);
                    match content {
                        Content::Bytes(bytes) => {
                            let mut writer = entry.write(to, u32::try_from(bytes.len())?);
                            writer.write_all(bytes)?;
                            to = writer.finish()?;
                        }
                        Content::Of(host) => {
                            let copy = || -> Result<_> {
                                let mut file = File::open(host)?;
                                let length = u32::try_from(file.metadata()?.len())
                                    .context("larger than 4 GiB")?;
                                let mut writer = entry.write(to, length);
                                io::copy(&mut file, &mut writer)?;
                                Ok(writer.finish()?)
                            };
                            to = copy().with_context(|| host.display().to_string())?;
                        }
                    }
                }
            }
        }
        newc::trailer(to)?.flush()?;
        Ok(())
    }
}

/// An absolute path of another root, as a path of the host.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn same(one: &Node, other: &Node) -> Result<bool> {
    Ok(match (one, other) {
        (
            Node::File {
                content: Content::Of(a),
                mode,
            },
            Node::File {
                content: Content::Of(b),
                mode: other_mode,
            },
        ) => mode == other_mode && (a == b || fs::read(a)? == fs::read(b)?),
        _ => one == other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use std::os::unix::fs::symlink;

    fn usr_merged() -> Tree {
        let mut tree = Tree::default();
        tree.add("/bin", Node::Symlink("usr/bin".into())).unwrap();
        tree
    }

    #[test]
    fn symlinked_directories_are_one_place() {
        let mut tree = usr_merged();
        tree.add_bytes("/bin/a", 0o755, "a").unwrap();
        assert!(tree.nodes.contains_key(Path::new("/usr/bin/a")));
        assert!(tree.contains(Path::new("/bin/a")) && tree.contains(Path::new("/usr/bin/a")));
        assert!(!tree.contains(Path::new("/bin/b")));
        tree.add("/bin", Node::Directory).unwrap();
    }

    #[test]
    fn a_default_gives_way_and_a_file_does_not() {
        let mut tree = usr_merged();
        tree.add("/bin/sh", Node::Default("busybox".into()))
            .unwrap();
        assert!(tree.is_default(Path::new("/bin/sh")));
        tree.add_bytes("/usr/bin/sh", 0o755, "dash").unwrap();
        tree.add("/bin/sh", Node::Default("busybox".into()))
            .unwrap();
        assert!(!tree.is_default(Path::new("/bin/sh")));
        assert!(matches!(
            &tree.nodes[Path::new("/usr/bin/sh")],
            Node::File { .. }
        ));
        tree.add_bytes("/bin/sh", 0o755, "dash").unwrap();
        assert!(tree.add_bytes("/bin/sh", 0o755, "bash").is_err());
        assert!(tree.add_bytes("/bin/sh/x", 0o755, "").is_err());
    }

    #[test]
    fn every_symlink_on_the_way_is_carried() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("opt/real")).unwrap();
        fs::write(root.join("opt/real/tool-1"), "x").unwrap();
        symlink("/opt/real", root.join("opt/dir")).unwrap();
        symlink("../real/tool-1", root.join("opt/real/tool")).unwrap();
        let mut tree = Tree::default();
        let real = tree.carry(root, Path::new("/opt/dir/tool")).unwrap();
        assert_eq!(real, Path::new("/opt/real/tool-1"));
        assert_eq!(
            tree.nodes[Path::new("/opt/dir")],
            Node::Symlink("/opt/real".into())
        );
        assert_eq!(
            tree.nodes[Path::new("/opt/real/tool")],
            Node::Symlink("../real/tool-1".into())
        );
        assert!(
            matches!(&tree.nodes[&real], Node::File { content: Content::Of(p), .. } if *p == below(root, &real))
        );

        symlink("loop", root.join("loop")).unwrap();
        assert!(tree.carry(root, Path::new("/loop")).is_err());
        assert!(tree.carry(root, Path::new("/none")).is_err());
    }

    #[test]
    fn a_directory_comes_whole() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/run"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(root.join("sub/run"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(root.join("data"), "x").unwrap();
        symlink("data", root.join("link")).unwrap();
        let mut tree = Tree::default();
        let executables = tree.add_directory(Path::new("/g"), root).unwrap();
        assert_eq!(executables, [("/g/sub/run".into(), root.join("sub/run"))]);
        for path in ["/g/sub/run", "/g/data", "/g/link"] {
            assert!(tree.contains(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn the_archive_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let host = directory.path().join("h");
        fs::write(&host, b"\0binary").unwrap();
        fs::set_permissions(&host, fs::Permissions::from_mode(0o750)).unwrap();
        let mut tree = usr_merged();
        tree.add_file(Path::new("/bin/h"), &host).unwrap();
        tree.add("/tmp", Node::Directory).unwrap();
        let mut archive = Vec::new();
        tree.write(&mut archive).unwrap();

        let mut found = Vec::new();
        let mut rest = Cursor::new(archive);
        loop {
            let mut reader = newc::Reader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let mut content = Vec::new();
            io::copy(&mut reader, &mut content).unwrap();
            found.push((
                reader.entry().name().to_owned(),
                reader.entry().mode(),
                content,
            ));
            rest = reader.finish().unwrap();
        }
        let expected: [(&str, u32, &[u8]); 5] = [
            ("bin", 0o120777, b"usr/bin"),
            ("tmp", 0o041777, b""),
            ("usr", 0o040755, b""),
            ("usr/bin", 0o040755, b""),
            ("usr/bin/h", 0o100750, b"\0binary"),
        ];
        assert_eq!(
            found,
            expected.map(|(name, mode, content)| (name.to_owned(), mode, content.to_vec()))
        );
    }
}
