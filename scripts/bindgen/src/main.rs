//! `bindgen INPUT.wasm OUT_DIR`: writes `core.js` and `core_bg.wasm`.

use std::process::ExitCode;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, out_dir] = args.as_slice() else {
        eprintln!("usage: bindgen INPUT.wasm OUT_DIR");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let generated = bindgen.input_path(input).web(true).and_then(|bindgen| {
        bindgen
            .out_name("core")
            // the loaders of src/js say where the wasm is; a default path here would make every bundler copy it twice
            .omit_default_module_path(true)
            // index.d.ts is written by hand
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .generate(out_dir)
    });
    match generated {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
