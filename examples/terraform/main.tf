# Lifeline as a CloudFormation stack that Terraform keeps, and a role that may send messages.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "template_url" {
  description = "https address of packaged.yaml in your bucket, in the stack's region"
  type        = string
}

variable "phone_number_id" {
  description = "Id of the sending phone number at Meta"
  type        = string
}

variable "waba_id" {
  description = "Id of the WhatsApp Business Account at Meta"
  type        = string
}

variable "email_from" {
  description = "Sender address of fallback mails, a verified identity in SES"
  type        = string
}

resource "aws_cloudformation_stack" "lifeline" {
  name         = "lifeline-prod"
  template_url = var.template_url
  # Roles and policies, and SAM's transform.
  capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
  parameters = {
    Stage         = "prod"
    PhoneNumberId = var.phone_number_id
    WabaId        = var.waba_id
    EmailFrom     = var.email_from
  }
}

data "aws_iam_policy_document" "lambda_may_act" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "booking" {
  name_prefix        = "booking-"
  assume_role_policy = data.aws_iam_policy_document.lambda_may_act.json
}

resource "aws_iam_role_policy_attachment" "booking_may_send" {
  role       = aws_iam_role.booking.name
  policy_arn = aws_cloudformation_stack.lifeline.outputs["ProducerPolicyArn"]
}

output "whatsapp_queue_url" {
  value = aws_cloudformation_stack.lifeline.outputs["WhatsappQueueUrl"]
}

output "critical_queue_url" {
  value = aws_cloudformation_stack.lifeline.outputs["CriticalQueueUrl"]
}

output "webhook_url" {
  value = aws_cloudformation_stack.lifeline.outputs["WebhookUrl"]
}
