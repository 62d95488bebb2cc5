//! Check that no modules import each other in a circle.
//!
//! A module and its children are one unit, so only imports of siblings and of the siblings'
//! children count. They count at every level: if `a::b` imports `c::d`, then `a` depends on `c`. An
//! import of a name from a parent module counts as an import of the parent, even if the parent
//! reexports the name from a sibling.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UseTree};

use crate::workspace::{Source, sources};

/// Path of a module in its crate.
type Module = Vec<String>;

/// Reader of the modules of one crate and of the paths in them. It leaves out code of tests.
#[derive(Default)]
struct Reader {
    at: Module,
    modules: BTreeSet<Module>,
    tests: Vec<Module>,
    /// Each module that names a path, with the named path from the crate's root.
    named: Vec<(Module, Module)>,
}

impl Reader {
    fn read(&mut self, file: &str, text: &str) {
        let mut path: Module = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        path.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
        self.at = path;
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.visit_file(&parsed);
    }

    fn flatten(&mut self, mut before: Module, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.flatten(before, &path.tree);
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.flatten(before.clone(), tree));
            }
            UseTree::Name(name) => self.name(before, name.ident.to_string()),
            UseTree::Rename(name) => self.name(before, name.ident.to_string()),
            _ => self.name(before, "*".to_owned()),
        }
    }

    /// Records a path of this crate. Paths that do not begin with `crate`, `self` or `super` are of
    /// children or of other crates and are ignored.
    fn name(&mut self, mut path: Module, last: String) {
        path.push(last);
        let mut target = self.at.clone();
        for (index, part) in path.iter().enumerate() {
            match part.as_str() {
                "crate" => target.clear(),
                "self" => {}
                "super" => drop(target.pop()),
                _ if index == 0 => return,
                _ => {
                    target.extend_from_slice(&path[index..]);
                    break;
                }
            }
        }
        self.named.push((self.at.clone(), target));
    }

    /// Returns each import between siblings. The two paths are cut to the level at which they are
    /// siblings.
    fn imports(&self) -> Imports {
        let mut imports = Imports::default();
        for (from, path) in &self.named {
            if self.tests.iter().any(|test| from.starts_with(test)) {
                continue;
            }
            let is_module = |length: &usize| self.modules.contains(&path[..*length]);
            let to = &path[..(1..=path.len()).rev().find(is_module).unwrap_or(0)];
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (from.get(..=shared), to.get(..=shared)) {
                imports.entry(from.to_vec()).or_default().insert(to.to_vec());
            }
        }
        imports
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.at.push(item.ident.to_string());
        if is_of_tests(&item.attrs) {
            self.tests.push(self.at.clone());
        } else {
            self.modules.insert(self.at.clone());
            visit::visit_item_mod(self, item);
        }
        self.at.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_of_tests(&item.attrs) {
            self.flatten(Module::new(), &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut parts: Module = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if let Some(last) = parts.pop() {
            self.name(parts, last);
        }
        visit::visit_path(self, path);
    }
}

fn is_of_tests(attributes: &[Attribute]) -> bool {
    let is_test = |a: &Attribute| a.parse_args::<syn::Ident>().is_ok_and(|name| name == "test");
    attributes.iter().any(|a| a.path().is_ident("cfg") && is_test(a))
}

/// Siblings that each module imports.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// Finds a shortest circle through each import that is part of a circle, and returns the circles as
/// text.
fn circles(imports: &Imports) -> BTreeSet<String> {
    let mut found = BTreeMap::new();
    for (from, targets) in imports {
        for way in targets.iter().filter_map(|to| way(imports, to, from)) {
            let rooms: BTreeSet<_> = way.iter().cloned().collect();
            found.entry(rooms).or_insert_with(|| [vec![from.clone()], way].concat());
        }
    }
    let text = |module: &Module| module.join("::");
    found.values().map(|way| way.iter().map(text).collect::<Vec<_>>().join(" → ")).collect()
}

/// Finds a shortest chain of imports that leads from `from` to `to`.
fn way(imports: &Imports, from: &Module, to: &Module) -> Option<Vec<Module>> {
    let mut before = BTreeMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(module) = next.pop_front() {
        if module == to {
            let step = |module: &&Module| before.get(*module).copied().flatten();
            let mut way: Vec<_> = std::iter::successors(Some(module), step).cloned().collect();
            way.reverse();
            return Some(way);
        }
        for target in imports.get(module).into_iter().flatten() {
            before.entry(target).or_insert_with(|| {
                next.push_back(target);
                Some(module)
            });
        }
    }
    None
}

/// Reads the sources of each crate, by the crate's folder. Programs in `bin` are crates of their
/// own and are left out.
fn crates(sources: &[Source]) -> BTreeMap<&str, Reader> {
    let mut crates = BTreeMap::<_, Reader>::new();
    for source in sources {
        if let Some((folder, file)) = source.path.split_once("/src/")
            && !file.starts_with("bin/")
        {
            crates.entry(folder).or_default().read(file, &source.text);
        }
    }
    crates
}

#[test]
fn no_module_imports_itself_through_others() {
    let sources = sources();
    let mut faults = String::new();
    for (folder, read) in crates(&sources) {
        for circle in circles(&read.imports()) {
            faults += &format!("{folder}/src: {circle}\n");
        }
    }
    assert!(faults.is_empty(), "circles of imports; move the shared types down:\n{faults}");
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let mut reader = Reader::default();
    files.iter().for_each(|(file, text)| reader.read(file, text));
    circles(&reader.imports()).into_iter().collect()
}

#[test]
fn a_circle_is_found_at_every_level_and_in_every_form_of_a_path() {
    let root = ("lib.rs", "mod a; mod b; mod c;");
    let long = [
        root,
        ("a.rs", "use std::fmt; use crate::b::{self, B};"),
        ("b.rs", "pub(crate) use super::c::*;"),
        ("c/mod.rs", "mod d;"),
        ("c/d.rs", "fn f() -> crate::a::A { loop {} }"),
    ];
    assert_eq!(circles_of(&long), ["a → b → c → a"]);
    let below = [
        root,
        ("a/mod.rs", "mod e; mod f { use super::e::E; }"),
        ("a/e.rs", "fn f() { let _ = super::f::F::new(); }"),
    ];
    assert_eq!(circles_of(&below), ["a::e → a::f → a::e"]);
}

#[test]
fn parents_children_and_tests_make_no_circle() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use a::A; pub struct Root;"),
        ("a/mod.rs", "mod c; #[cfg(test)] mod tests; use c::C; use self::c::D; use crate::Root;"),
        ("a/c.rs", "use super::A; use crate::b::B;"),
        ("a/tests.rs", "use crate::b::B;"),
        ("b.rs", "use std::a::X; #[cfg(test)] mod tests { use crate::a::A; }"),
        ("b/late.rs", "#[cfg(test)] use crate::a::A;"),
    ];
    assert_eq!(circles_of(&files), [] as [&str; 0]);
}
