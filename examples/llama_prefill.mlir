// Attention of one layer of LLaMA-3.1-8B over a prompt of 100 tokens: 32 query heads on 8 KV heads of
// 128 columns, causal. No scale is given, so it is 1/sqrt(128).
func.func @llama_prefill(
    %q: tensor<1x32x100x128xbf16>, %k: tensor<1x8x100x128xbf16>, %v: tensor<1x8x100x128xbf16>)
    -> tensor<1x32x100x128xbf16> {
  %o = fa.attention %q, %k, %v {mask = #fa.causal}
      : tensor<1x32x100x128xbf16>, tensor<1x8x100x128xbf16>, tensor<1x8x100x128xbf16>
      -> tensor<1x32x100x128xbf16>
  func.return %o : tensor<1x32x100x128xbf16>
}
