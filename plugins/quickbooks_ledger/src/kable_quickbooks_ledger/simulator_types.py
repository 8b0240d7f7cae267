"""What Intuit's schema (v3, minor version 75) knows of the objects that are written here.

Property names, kinds and lengths, so that the simulated QuickBooks is as strict as Intuit's own
parser; `simulator_schema` reads them. A kind is the name of another shape, one of `ENUMS`, or
text (with its longest length), number, money (two decimals), whole, count, flag, date, moment,
email, any; in brackets it is a list, with a mark it has to be there.
"""

from collections.abc import Mapping


def _shape(*written: str) -> dict[str, str]:
    return dict(part.split(":", 1) for part in " ".join(written).split())


SHAPES: Mapping[str, Mapping[str, str]] = {
    "Invoice": _shape(
        "ARAccountRef:ReferenceType AllowIPNPayment:flag AllowOnlineACHPayment:flag",
        "AllowOnlineAffirmPayment:flag AllowOnlineCreditCardPayment:flag",
        "AllowOnlinePayPalPayment:flag AllowOnlinePayment:flag ApplyTaxAfterDiscount:flag",
        "AttachableRef:[any] AutoDocNumber:flag AutoPayEligible:flag Balance:number",
        "BillAddr:PhysicalAddress BillEmail:EmailAddress BillEmailBcc:EmailAddress",
        "BillEmailCc:EmailAddress CfdiUse:whole CheckPayment:any ClassRef:ReferenceType",
        "ConvenienceFeeDetail:any CreditCardPayment:any CurrencyRef:ReferenceType",
        "CustomField:[CustomField] CustomerMemo:MemoRef CustomerRef:ReferenceType",
        "DeliveryInfo:any DepartmentRef:ReferenceType Deposit:money",
        "DepositToAccountRef:ReferenceType DiscountAmt:number DiscountRate:number",
        "DocNumber:text21 DueDate:date ECloudStatusTimeStamp:moment EInvoiceStatus:e_invoice",
        "EmailStatus:email_status EnabledSurchargeInfo:any ExchangeRate:number Exportation:text",
        "FOB:text15 FinanceCharge:flag FinancingProductType:financing FreeFormAddress:flag",
        "GlobalInfo:any GlobalTaxCalculation:tax_mode GovtTxnRefIdentifier:text30",
        "GratuityEnabled:flag HomeBalance:number HomeTotalAmt:number HomeTotalCostAmount:number",
        "Id:text InvoiceEx:any InvoiceLink:text InvoiceLinkExpiryDate:date",
        "InvoiceLinkSecurityCode:text LessCIS:number Line:[Line] LinkedTxn:[LinkedTxn]",
        "MetaData:ModificationMetaData PONumber:text PaymentDetailsMessage:text",
        "PaymentMethodRef:ReferenceType PaymentRefNum:text PaymentType:payment_type",
        "PrintStatus:print_status PrivateNote:text4000 ProjectRef:ReferenceType",
        "RecurDataRef:ReferenceType RecurringInfo:any RemitToRef:ReferenceType",
        "SalesRepRef:ReferenceType SalesTermRef:ReferenceType SchedulePayEligible:flag",
        "ScheduledPaymentId:text ShipAddr:PhysicalAddress ShipDate:date",
        "ShipFromAddr:PhysicalAddress ShipMethodRef:ReferenceType",
        "ShippingTaxIncludedInTotalTax:flag SubscriptionPaymentsSetting:subscription",
        "SyncToken:text Tag:[any] TaxExemptionRef:ReferenceType TaxFormNum:text TaxFormType:text",
        "TemplateRef:ReferenceType TotalAmt:money TotalCostAmount:number TrackingNum:text",
        "TransactionLocationType:text TxnApprovalInfo:any TxnDate:date TxnRetainageDetail:any",
        "TxnSource:text TxnStatus:text TxnSubType:txn_sub_type TxnTaxDetail:TxnTaxDetail",
        "callToAction:text domain:text invoiceStatus:text invoiceStatusLog:[any] sparse:flag",
        "status:entity_status",
    ),
    "Customer": _shape(
        "ARAccountRef:ReferenceType AcctNum:text Active:flag AltContactName:text",
        "AlternatePhone:TelephoneNumber AttachableRef:[any] Balance:number BalanceWithJobs:number",
        "BillAddr:PhysicalAddress BillWithParent:flag BusinessNumber:text CCDetail:any",
        "ClientCompanyId:text ClientEntityId:text CompanyName:text100 ContactName:text",
        "CreditLimit:number CurrencyRef:ReferenceType CustomField:[CustomField] CustomerEx:any",
        "CustomerTypeRef:ReferenceType DefaultTaxCodeRef:ReferenceType DisplayName:text500",
        "FamilyName:text100 Fax:TelephoneNumber FullyQualifiedName:text GSTIN:text",
        "GSTRegistrationType:text GivenName:text100 Id:text IntuitId:text IsCISContractor:flag",
        "IsProject:flag Job:flag JobInfo:any Level:whole MetaData:ModificationMetaData",
        "MiddleName:text100 Mobile:TelephoneNumber Notes:text2000 OpenBalanceDate:date",
        "Organization:flag OtherAddr:[PhysicalAddress] OtherContactInfo:[any]",
        "OverDueBalance:number ParentRef:ReferenceType PaymentMethodRef:ReferenceType",
        "PreferredDeliveryMethod:text PriceLevelRef:ReferenceType PrimaryEmailAddr:EmailAddress",
        "PrimaryPhone:TelephoneNumber PrimaryTaxIdentifier:text PrintOnCheckName:text",
        "ResaleNum:text RootCustomerRef:ReferenceType SalesRepRef:ReferenceType",
        "SalesTermRef:ReferenceType SecondaryTaxIdentifier:text ShipAddr:PhysicalAddress",
        "Source:text Suffix:text16 SyncToken:text TDSEnabled:flag TaxExemptionReasonId:text",
        "TaxGroupCodeRef:ReferenceType TaxRateRef:ReferenceType TaxRegime:text Taxable:flag",
        "Title:text16 TotalExpense:number TotalRevenue:number UserId:text V4IDPseudonym:text",
        "WebAddr:WebSiteAddress domain:text sparse:flag status:entity_status",
    ),
    "Payment": _shape(
        "ARAccountRef:ReferenceType AttachableRef:[any] CheckPayment:any CreditCardPayment:any",
        "CurrencyRef:ReferenceType CustomField:[CustomField] CustomerRef:ReferenceType",
        "DepartmentRef:ReferenceType DepositToAccountRef:ReferenceType DocNumber:text21",
        "ExchangeRate:number HomeTotalCostAmount:number Id:text Line:[Line] LinkedTxn:[LinkedTxn]",
        "MetaData:ModificationMetaData PaymentEx:any PaymentExtendedType:payment_extended",
        "PaymentMethodRef:ReferenceType PaymentRefNum:text PaymentType:payment_type",
        "PrivateNote:text4000 ProcessPayment:flag ProjectRef:ReferenceType",
        "RecurDataRef:ReferenceType RecurringInfo:any RemitToRef:ReferenceType SyncToken:text",
        "Tag:[any] TaxFormNum:text TaxFormType:text TotalAmt:money TotalCostAmount:number",
        "TransactionLocationType:text TxnApprovalInfo:any TxnDate:date TxnSource:text",
        "TxnStatus:text TxnSubType:txn_sub_type TxnTaxDetail:TxnTaxDetail UnappliedAmt:number",
        "domain:text sparse:flag status:entity_status",
    ),
    "Line": _shape(
        "AccountBasedExpenseLineDetail:any Amount:money CostAmount:number CustomExtensions:[any]",
        "CustomField:[CustomField] DepositLineDetail:any Description:text4000",
        "DescriptionLineDetail:DescriptionLineDetail DetailType:line_type",
        "DiscountLineDetail:DiscountLineDetail GroupLineDetail:any HomeCostAmount:number Id:text",
        "ItemAdjustmentLineDetail:any ItemBasedExpenseLineDetail:any ItemReceiptLineDetail:any",
        "JournalEntryLineDetail:any LineEx:any LineNum:count LinkedTxn:[LinkedTxn]",
        "PaymentLineDetail:any ProjectRef:ReferenceType PurchaseOrderItemLineDetail:any",
        "Received:number ReimburseLineDetail:any SalesItemLineDetail:SalesItemLineDetail",
        "SalesOrderItemLineDetail:any SubTotalLineDetail:SubTotalLineDetail TDSLineDetail:any",
        "TaxLineDetail:TaxLineDetail",
    ),
    "SalesItemLineDetail": _shape(
        "ClassRef:ReferenceType DeferredRevenue:flag DiscountAmt:number DiscountRate:number",
        "InventorySiteRef:ReferenceType ItemAccountRef:ReferenceType ItemRef:ReferenceType",
        "MarkupInfo:any PriceLevelRef:ReferenceType Qty:number RatePercent:number",
        "RetainageAmount:number SalesItemLineDetailEx:any ServiceDate:date",
        "TaxClassificationRef:ReferenceType TaxCodeRef:ReferenceType TaxInclusiveAmt:number",
        "UOMRef:any UnitCostPrice:number UnitPrice:number",
    ),
    "DescriptionLineDetail": _shape(
        "DescriptionLineDetailEx:any ServiceDate:date TaxCodeRef:ReferenceType",
    ),
    "DiscountLineDetail": _shape(
        "ClassRef:ReferenceType DiscountAccountRef:ReferenceType DiscountLineDetailEx:any",
        "DiscountPercent:number DiscountRef:ReferenceType PercentBased:flag ServiceDate:date",
        "TaxCodeRef:ReferenceType",
    ),
    "SubTotalLineDetail": _shape(
        "ItemRef:ReferenceType ServiceDate:date",
    ),
    "PhysicalAddress": _shape(
        "City:text255 Country:text255 CountryCode:text CountrySubDivisionCode:text255",
        "County:text25 Id:text Lat:text Line1:text500 Line2:text500 Line3:text500 Line4:text500",
        "Line5:text500 Long:text Note:text PostalCode:text30 PostalCodeSuffix:text Tag:text",
    ),
    "EmailAddress": _shape(
        "Address:email Default:flag Id:text Tag:text",
    ),
    "ReferenceType": _shape(
        "name:text type:text value:text!",
    ),
    "TxnTaxDetail": _shape(
        "DefaultTaxCodeRef:ReferenceType TaxLine:[Line] TaxReviewStatus:tax_review TotalTax:money",
        "TxnTaxCodeRef:ReferenceType UseAutomatedSalesTax:flag",
    ),
    "TaxLineDetail": _shape(
        "NetAmountTaxable:number OverrideDeltaAmount:number PercentBased:flag ServiceDate:date",
        "TaxInclusiveAmount:number TaxLineDetailEx:any TaxPercent:number TaxRateRef:ReferenceType",
    ),
    "MemoRef": _shape(
        "id:text value:text1000",
    ),
    "LinkedTxn": _shape(
        "TxnId:text TxnLineId:text TxnType:text",
    ),
    "CustomField": _shape(
        "BooleanValue:flag DateValue:date DefinitionId:text Name:text NumberValue:number",
        "StringValue:text31 Type:field_type",
    ),
    "TelephoneNumber": _shape(
        "AreaCode:text CountryCode:text Default:flag DeviceType:text ExchangeCode:text",
        "Extension:text FreeFormNumber:text30 Id:text Tag:text",
    ),
    "WebSiteAddress": _shape(
        "Default:flag Id:text Tag:text URI:text1000",
    ),
    "ModificationMetaData": _shape(
        "CreateTime:moment CreatedByRef:ReferenceType LastChangedInQB:moment",
        "LastModifiedByRef:ReferenceType LastUpdatedTime:moment Synchronized:flag",
    ),
}
"""Property to kind, for what an app writes of invoices, customers and payments."""

ENUMS: Mapping[str, tuple[str, ...]] = {
    "e_invoice": (
        "Sent",
        "Viewed",
        "Paid",
        "Delivery Error",
        "Updated",
        "Error",
        "Accepted",
        "Rejected",
        "Sent With ICN Error",
        "Delivered",
        "Disputed",
    ),
    "email_status": (
        "NotSet",
        "NeedToSend",
        "EmailSent",
    ),
    "financing": ("GET_PAID_UPFRONT",),
    "tax_mode": (
        "TaxInclusive",
        "TaxExcluded",
        "NotApplicable",
    ),
    "payment_type": (
        "Cash",
        "Check",
        "CreditCard",
        "Expense",
        "Other",
    ),
    "print_status": (
        "NotSet",
        "NeedToPrint",
        "PrintComplete",
    ),
    "subscription": ("SALE_TERM",),
    "txn_sub_type": (
        "InvoiceTax",
        "InvoiceRetail",
        "JournalTaxAdjustment",
        "ProjectCostEstimate",
        "EmployeeReimbursableExpense",
        "EmployeeReimbursableExpensePayment",
        "RetainageRelease",
    ),
    "entity_status": (
        "Deleted",
        "Voided",
        "Draft",
        "Pending",
        "InTransit",
        "Synchronized",
        "SyncError",
    ),
    "payment_extended": ("Prepayment",),
    "line_type": (
        "PaymentLineDetail",
        "DiscountLineDetail",
        "TaxLineDetail",
        "SalesItemLineDetail",
        "ItemBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail",
        "DepositLineDetail",
        "PurchaseOrderItemLineDetail",
        "ItemReceiptLineDetail",
        "JournalEntryLineDetail",
        "GroupLineDetail",
        "DescriptionOnly",
        "SubTotalLineDetail",
        "SalesOrderItemLineDetail",
        "TDSLineDetail",
        "ReimburseLineDetail",
        "ItemAdjustmentLineDetail",
    ),
    "tax_review": (
        "NON_AST_TAX",
        "AST_TAX_OVERRIDE",
    ),
    "field_type": (
        "StringType",
        "BooleanType",
        "NumberType",
        "DateType",
    ),
}
