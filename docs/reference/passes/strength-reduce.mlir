plena.kernel @tiles {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  plena.loop 8 (%i : !plena.gp) {
    %bytes = plena.s_addi_int %zero, 4096 : (!plena.gp<gp0>) -> !plena.gp
    %all = plena.s_mul_int %i, %bytes : (!plena.gp, !plena.gp) -> !plena.gp
    %end = plena.s_addi_int %zero, 32768 : (!plena.gp<gp0>) -> !plena.gp
    %offset = plena.s_sub_int %end, %all : (!plena.gp, !plena.gp) -> !plena.gp
    plena.h_prefetch_m %zero, %offset, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp, !plena.addr) -> ()
    plena.yield %i : !plena.gp
  }
}
