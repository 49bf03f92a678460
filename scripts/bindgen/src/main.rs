//! `bindgen INPUT.wasm OUT_DIR`: writes `core.js`, which holds all that `core_bg.wasm` imports, and that.

use anyhow::{bail, ensure};
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::process::ExitCode;
use walrus::{ir, ConstExpr, DataKind, FunctionBuilder, FunctionId, FunctionKind, Module, TypeId};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out_dir] = args.as_slice() else {
        eprintln!("usage: bindgen INPUT.wasm OUT_DIR");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let generated = bindgen.input_path(input).bundler(true).and_then(|bindgen| {
        let mut output = bindgen
            .out_name("core")
            .encode_into(wasm_bindgen_cli_support::EncodeInto::Always)
            // src/js/core.d.ts declares the border by hand
            .typescript(false)
            .remove_producers_section(true)
            .generate_output()?;
        ensure!(formats(output.wasm()), "nothing is named {FORMATTER}: {RENAMED}");
        snip(output.wasm_mut());
        ensure!(!formats(output.wasm()), "what formats panic messages was not cut: {RENAMED}");
        blank(output.wasm_mut());
        let names = shorten(output.wasm_mut());
        let stamp = stamp(output.wasm_mut());
        let imports: Vec<_> = output.wasm_mut().imports.iter().map(|import| import.name.clone()).collect();
        output.emit(out_dir)?;
        // in place of what a bundler would want besides: the loaders of src/js/loading do that
        let (glue, core) = (Path::new(out_dir).join("core_bg.js"), Path::new(out_dir).join("core.js"));
        let text = fs::read_to_string(&glue)?;
        if text.contains('$') {
            bail!("core_bg.js has names like those that are about to be given");
        }
        let text = names.iter().fold(text, |text, (long, short)| text.replace(long, short));
        // as one object: of a module's namespace bundlers make one that weighs more
        fs::write(core, format!("{text}\nexport const imports = {{ \"{stamp}\": {{ {} }} }};\n", imports.join(", ")))?;
        Ok(fs::remove_file(glue)?)
    });
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the panic handlers and what formats their messages trap at once. Nobody sees such a message in a browser, the
/// crate's lints forbid what panics, and a trap ends the call just the same: half of the module is saved.
fn snip(module: &mut Module) {
    let snipped: Vec<(FunctionId, TypeId)> = module
        .funcs
        .iter_local()
        .filter(|(id, _)| is_for_panics(module.funcs.get(*id).name.as_deref()))
        .map(|(id, function)| (id, function.ty()))
        .collect();
    for (id, ty) in snipped {
        let (params, results) = module.types.params_results(ty);
        let (params, results) = (params.to_vec(), results.to_vec());
        let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
        builder.func_body().unreachable();
        let arguments = params.iter().map(|kind| module.locals.add(*kind)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
    }
    walrus::passes::gc::run(module);
}

/// Zeroes the places in the source (`core::panic::Location`: address and length of a path, line, column) that are
/// handed to what was snipped, and their paths: zeros cost nothing in a wasm file.
fn blank(module: &mut Module) {
    let segments: Vec<_> = module.data.iter().map(|data| data.id()).collect();
    for id in segments {
        let data = module.data.get_mut(id);
        let DataKind::Active { offset: ConstExpr::Value(ir::Value::I32(start)), .. } = data.kind else { continue };
        let bytes = &mut data.value;
        let word = |bytes: &[u8], at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
        let path = |bytes: &[u8], at: usize| {
            let from = word(bytes, at)?.checked_sub(start as usize)?;
            let path = from..from.checked_add(word(bytes, at + 4)?)?;
            let text = std::str::from_utf8(bytes.get(path.clone())?).ok()?;
            // such a path has a zero behind it, which no other text of ours has
            let is_place = text.ends_with(".rs") && bytes.get(path.end) == Some(&0) && word(bytes, at + 12)? < 1000;
            is_place.then_some(path)
        };
        let places: Vec<_> = (0..bytes.len()).step_by(4).filter_map(|at| Some((at, path(bytes, at)?))).collect();
        for (at, path) in places {
            bytes[at..at + 16].fill(0);
            bytes[path].fill(0);
        }
    }
}

/// Gives what the wasm imports, and closures that it exports, names of two letters for their own of fifty, half of them
/// a hash. Pairs of the old name and the new one.
fn shorten(module: &mut Module) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let mut shorten = |name: &mut String| {
        let short = format!("${}", names.len());
        names.push((std::mem::replace(name, short.clone()), short));
    };
    for import in module.imports.iter_mut() {
        shorten(&mut import.name);
    }
    for export in module.exports.iter_mut().filter(|export| export.name.contains("closures")) {
        shorten(&mut export.name);
    }
    // a name may be the beginning of another
    names.sort_by_key(|(long, _)| std::cmp::Reverse(long.len()));
    names
}

/// Names the module of the imports after the build. Their own names are numbers, the same in every build, so that a
/// core.js would link with the wasm of another, and call what stands in a function's place.
fn stamp(module: &mut Module) -> String {
    for import in module.imports.iter_mut() {
        import.module.clear();
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(&module.emit_wasm());
    let stamp = format!("{:06x}", hasher.finish() >> 40);
    for import in module.imports.iter_mut() {
        import.module.clone_from(&stamp);
    }
    stamp
}

/// What only a panic's message needs.
const FORMATTER: &str = "core::fmt::Formatter";
const RENAMED: &str =
    "this toolchain has other names than the one that is recorded, see is_for_panics in scripts/bindgen";

/// Whether there is code that formats texts: the functions that are cut are known by name, which a toolchain may
/// change.
fn formats(module: &Module) -> bool {
    let is_formatter = |name: &str| without_hashes(name).contains(FORMATTER);
    module.funcs.iter_local().any(|(id, _)| module.funcs.get(id).name.as_deref().is_some_and(is_formatter))
}

fn is_for_panics(name: Option<&str>) -> bool {
    // a demangled name carries its crate's hash, as in core[0123456789abcdef]::panicking
    let Some(name) = name.map(without_hashes) else { return false };
    [
        "core::panicking::",
        "core::fmt::",
        "std::panicking::",
        "std::sys::backtrace::",
        "std::alloc::rust_oom",
        "alloc::fmt::",
    ]
    .iter()
    .any(|module| name.starts_with(module))
        || [
            "as core::fmt::Debug>::fmt",
            "as core::fmt::Display>::fmt",
            "as core::fmt::Write>::",
            "_fail_rt",
            "panic_already",
            "expect_failed",
            "unwrap_failed",
            "slice_index_fail",
            "len_mismatch_fail",
            "std::panicking::panic_handler::",
        ]
        .iter()
        .any(|part| name.contains(part))
}

fn without_hashes(name: &str) -> String {
    let mut depth = 0;
    let keep = |c: char| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => return depth == 0,
        }
        false
    };
    let mut keep = keep;
    name.chars().filter(|c| keep(*c)).collect()
}
