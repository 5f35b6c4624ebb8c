// RUN: FA_ROUNDTRIP

// Every instruction, each operand in its place: through the generic form, and in its own.

// CHECK: plena.kernel @instructions {
plena.kernel @instructions {
  %a = plena.get_register : !plena.gp<gp1>
  // CHECK-NEXT: %a = plena.get_register : !plena.gp<gp1>
  %b = plena.get_register : !plena.gp<gp2>
  // CHECK-NEXT: %b = plena.get_register : !plena.gp<gp2>
  %c = plena.get_register : !plena.gp<gp3>
  // CHECK-NEXT: %c = plena.get_register : !plena.gp<gp3>
  %x = plena.get_register : !plena.fp<f1>
  // CHECK-NEXT: %x = plena.get_register : !plena.fp<f1>
  %y = plena.get_register : !plena.fp<f2>
  // CHECK-NEXT: %y = plena.get_register : !plena.fp<f2>
  plena.m_mm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_mm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_tmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_tmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_bmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_bmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_btmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_btmm %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_mm_wo %a, %b, 1 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_mm_wo %a, %b, 1 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_bmm_wo %a, 2 : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.m_bmm_wo %a, 2 : (!plena.gp<gp1>) -> ()
  plena.m_mv %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_mv %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_tmv %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.m_tmv %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.m_btmv %a, %b, %c : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.m_btmv %a, %b, %c : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.m_mv_wo %a, 3 : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.m_mv_wo %a, 3 : (!plena.gp<gp1>) -> ()
  plena.m_bmv_wo %a, 4 : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.m_bmv_wo %a, 4 : (!plena.gp<gp1>) -> ()

  plena.v_add_vv %a, %b, %c, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.v_add_vv %a, %b, %c, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.v_add_vf %a, %b, %x, 2 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  // CHECK-NEXT: plena.v_add_vf %a, %b, %x, 2 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  plena.v_sub_vv %a, %b, %c, 3 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.v_sub_vv %a, %b, %c, 3 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.v_sub_vf %a, %b, %x, 4, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  // CHECK-NEXT: plena.v_sub_vf %a, %b, %x, 4, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  plena.v_mul_vv %a, %b, %c, 5 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.v_mul_vv %a, %b, %c, 5 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.v_mul_vf %a, %b, %x, 6 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  // CHECK-NEXT: plena.v_mul_vf %a, %b, %x, 6 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  plena.v_exp_v %a, %b, 7 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.v_exp_v %a, %b, 7 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.v_reci_v %a, %b, 8 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.v_reci_v %a, %b, 8 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  plena.v_max_vf %a, %b, %x, 9 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  // CHECK-NEXT: plena.v_max_vf %a, %b, %x, 9 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  plena.v_min_vf %a, %b, %x, 10 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  // CHECK-NEXT: plena.v_min_vf %a, %b, %x, 10 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.fp<f1>) -> ()
  plena.v_shft_v %a, %b, %c : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.v_shft_v %a, %b, %c : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  plena.v_topk %a, %b, %c, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  // CHECK-NEXT: plena.v_topk %a, %b, %c, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.gp<gp3>) -> ()
  %s = plena.v_red_sum %x, %a, 11 : (!plena.fp<f1>, !plena.gp<gp1>) -> !plena.fp<f1>
  // CHECK-NEXT: %s = plena.v_red_sum %x, %a, 11 : (!plena.fp<f1>, !plena.gp<gp1>) -> !plena.fp<f1>
  %m = plena.v_red_max %y, %a, 12 : (!plena.fp<f2>, !plena.gp<gp1>) -> !plena.fp<f2>
  // CHECK-NEXT: %m = plena.v_red_max %y, %a, 12 : (!plena.fp<f2>, !plena.gp<gp1>) -> !plena.fp<f2>

  %f1 = plena.s_add_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  // CHECK-NEXT: %f1 = plena.s_add_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  %f2 = plena.s_sub_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  // CHECK-NEXT: %f2 = plena.s_sub_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  %f3 = plena.s_max_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  // CHECK-NEXT: %f3 = plena.s_max_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  %f4 = plena.s_mul_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  // CHECK-NEXT: %f4 = plena.s_mul_fp %x, %y : (!plena.fp<f1>, !plena.fp<f2>) -> !plena.fp
  %f5 = plena.s_exp_fp %x : (!plena.fp<f1>) -> !plena.fp
  // CHECK-NEXT: %f5 = plena.s_exp_fp %x : (!plena.fp<f1>) -> !plena.fp
  %f6 = plena.s_reci_fp %x : (!plena.fp<f1>) -> !plena.fp
  // CHECK-NEXT: %f6 = plena.s_reci_fp %x : (!plena.fp<f1>) -> !plena.fp
  %f7 = plena.s_sqrt_fp %x : (!plena.fp<f1>) -> !plena.fp
  // CHECK-NEXT: %f7 = plena.s_sqrt_fp %x : (!plena.fp<f1>) -> !plena.fp
  %f8 = plena.s_ld_fp %a, 13 : (!plena.gp<gp1>) -> !plena.fp
  // CHECK-NEXT: %f8 = plena.s_ld_fp %a, 13 : (!plena.gp<gp1>) -> !plena.fp
  plena.s_st_fp %x, %a, 14 : (!plena.fp<f1>, !plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.s_st_fp %x, %a, 14 : (!plena.fp<f1>, !plena.gp<gp1>) -> ()
  plena.s_map_v_fp %a, %b, 15 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.s_map_v_fp %a, %b, 15 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()

  %i1 = plena.s_add_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  // CHECK-NEXT: %i1 = plena.s_add_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  %i2 = plena.s_addi_int %a, 16 : (!plena.gp<gp1>) -> !plena.gp
  // CHECK-NEXT: %i2 = plena.s_addi_int %a, 16 : (!plena.gp<gp1>) -> !plena.gp
  %i3 = plena.s_sub_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  // CHECK-NEXT: %i3 = plena.s_sub_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  %i4 = plena.s_mul_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  // CHECK-NEXT: %i4 = plena.s_mul_int %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.gp
  %i5 = plena.s_lui_int 17 : () -> !plena.gp
  // CHECK-NEXT: %i5 = plena.s_lui_int 17 : () -> !plena.gp
  %i6 = plena.s_ld_int %a, 18 : (!plena.gp<gp1>) -> !plena.gp
  // CHECK-NEXT: %i6 = plena.s_ld_int %a, 18 : (!plena.gp<gp1>) -> !plena.gp
  plena.s_st_int %a, %b, 19 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()
  // CHECK-NEXT: plena.s_st_int %a, %b, 19 : (!plena.gp<gp1>, !plena.gp<gp2>) -> ()

  %h = plena.c_set_addr_reg %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.addr
  // CHECK-NEXT: %h = plena.c_set_addr_reg %a, %b : (!plena.gp<gp1>, !plena.gp<gp2>) -> !plena.addr
  plena.c_set_scale_reg %a : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.c_set_scale_reg %a : (!plena.gp<gp1>) -> ()
  plena.c_set_stride_reg %a : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.c_set_stride_reg %a : (!plena.gp<gp1>) -> ()
  plena.c_set_v_mask_reg %a : (!plena.gp<gp1>) -> ()
  // CHECK-NEXT: plena.c_set_v_mask_reg %a : (!plena.gp<gp1>) -> ()
  plena.h_prefetch_m %a, %b, %h, 1, 0 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
  // CHECK-NEXT: plena.h_prefetch_m %a, %b, %h, 1, 0 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
  plena.h_prefetch_v %a, %b, %h, 0, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
  // CHECK-NEXT: plena.h_prefetch_v %a, %b, %h, 0, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
  plena.h_store_v %a, %b, %h, 1, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
  // CHECK-NEXT: plena.h_store_v %a, %b, %h, 1, 1 : (!plena.gp<gp1>, !plena.gp<gp2>, !plena.addr) -> ()
}
