// Attention of one layer of LLaMA-3.1-8B for one new token: 1 query, 200 keys in the cache (100 of the
// prompt, 100 generated). The last token sees all of them, so there is no mask.
func.func @llama_decode(
    %q: tensor<1x32x1x128xbf16>, %k: tensor<1x8x200x128xbf16>, %v: tensor<1x8x200x128xbf16>)
    -> tensor<1x32x1x128xbf16> {
  %o = fa.attention %q, %k, %v
      : tensor<1x32x1x128xbf16>, tensor<1x8x200x128xbf16>, tensor<1x8x200x128xbf16>
      -> tensor<1x32x1x128xbf16>
  func.return %o : tensor<1x32x1x128xbf16>
}
