//! The bindings, in the engines themselves: `wasm-pack test --node` and `--headless --chrome --firefox`.
#![cfg(target_family = "wasm")]

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test]
fn codes_have_the_text_that_javascript_sees() {
    assert_eq!(l402_fetch::Code::LoadFailed.as_str(), "load_failed");
}
