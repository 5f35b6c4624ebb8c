plena.kernel @sum {
  %zero = plena.get_register : !plena.gp<gp0>
  %a = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp
  %b = plena.s_exp_fp %a : (!plena.fp) -> !plena.fp
  plena.s_st_fp %b, %zero, 2 : (!plena.fp, !plena.gp<gp0>) -> ()
  %c = plena.s_ld_fp %zero, 2 : (!plena.gp<gp0>) -> !plena.fp
  %d = plena.s_ld_fp %zero, 0 : (!plena.gp<gp0>) -> !plena.fp
  %e = plena.s_add_fp %c, %d : (!plena.fp, !plena.fp) -> !plena.fp
  plena.s_st_fp %e, %zero, 2 : (!plena.fp, !plena.gp<gp0>) -> ()
}
